// class Fake { };
#include <string>
#pragma once
namespace net::http {

template <typename T, int N = (3 > 2)>
class Buffer final : public Base<T> {
public:
    Buffer() = default;
    explicit Buffer(size_t n) : data_(n), size_{n} {}
    ~Buffer();
    [[nodiscard]] size_t size() const noexcept override { return size_; }
    T& operator[](size_t i) { return data_[i]; }
    bool operator==(const Buffer& o) const = default;
    template <class U> void push(U&& u);
    enum class Mode : char { Read, Write };
private:
    void grow(int by = 2);
    std::vector<T> data_;
    static constexpr int kMax = 10;
};

struct Options { int level = 1; std::string name{"x"}; };

using Headers = std::map<std::string, std::string>;

const char* kRaw = R"js(
  class InRaw { void f() {} };
)js";

template <typename T>
Buffer<T>::~Buffer() {
    auto f = [this](int x) { return x + 1; };
    for (int i = 0; i < 1'000; ++i) { f(i); }
}

static std::unique_ptr<Options> MakeOptions(const std::string& s,
                                            int level) {
    if (s == "}") return nullptr;
    class Local {};
    return std::make_unique<Options>();
}

std::ostream& operator<<(std::ostream& os, const Options& o) { return os; }

extern "C" {
int c_entry(void) { return 0; }
}
}  // namespace net::http

int net::http::Server::Run() try { return 1; } catch (...) { return 2; }

TEST(BufferTest, Grows) {
    EXPECT_EQ(1, 1);
}

BEGIN_DETAIL_NAMESPACE
template <typename T>
struct After { T value; };

typedef std::map<std::string, std::vector<int>> Groups;
constexpr Charmap nothing_map{};
constexpr Pair kPairs[]{{1, 2}, {3, 4}};
