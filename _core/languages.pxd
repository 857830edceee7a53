# cython: language_level=3
"""Which language a file is in: by its base name, its extension, or the `#!` line; and the names people call it by."""
from libc.stdint cimport uint8_t
from libc.stddef cimport size_t
from libc.string cimport strlen


cdef enum:
    LANG_TEXT = 0
    LANG_BASH
    LANG_C
    LANG_CPP
    LANG_CSHARP
    LANG_ELIXIR
    LANG_GO
    LANG_HASKELL
    LANG_JAVA
    LANG_JAVASCRIPT
    LANG_KOTLIN
    LANG_LUA
    LANG_PHP
    LANG_PYTHON
    LANG_RUBY
    LANG_RUST
    LANG_SCALA
    LANG_SWIFT
    LANG_TYPESCRIPT
    LANG_ZIG
    LANG_SQL
    LANG_HTML
    LANG_CSS
    LANG_VUE
    LANG_SVELTE
    LANG_JSON
    LANG_YAML
    LANG_TOML
    LANG_MARKDOWN
    LANG_DART
    LANG_JULIA
    LANG_R
    LANG_PERL
    LANG_OCAML
    LANG_CLOJURE
    LANG_ERLANG
    LANG_PROTOBUF
    LANG_TERRAFORM
    LANG_DOCKERFILE
    LANG_MAKE
    LANG_NOTEBOOK
    LANG_COUNT

cdef enum:
    LANG_BITS = 255  # of a number that names a notebook's language too: the file's own, above it that of its code
    LANG_SHIFT = 8


cdef inline int notebook_of(int code) noexcept nogil:
    """What the outline scanner knows a notebook by whose code cells are in the language `code`."""
    return LANG_NOTEBOOK | code << LANG_SHIFT


cdef inline const char* language_name(int lang) noexcept nogil:
    """The canonical name, lower case; "text" for anything that is not known."""
    if lang == LANG_BASH: return b"bash"
    elif lang == LANG_C: return b"c"
    elif lang == LANG_CPP: return b"cpp"
    elif lang == LANG_CSHARP: return b"csharp"
    elif lang == LANG_ELIXIR: return b"elixir"
    elif lang == LANG_GO: return b"go"
    elif lang == LANG_HASKELL: return b"haskell"
    elif lang == LANG_JAVA: return b"java"
    elif lang == LANG_JAVASCRIPT: return b"javascript"
    elif lang == LANG_KOTLIN: return b"kotlin"
    elif lang == LANG_LUA: return b"lua"
    elif lang == LANG_PHP: return b"php"
    elif lang == LANG_PYTHON: return b"python"
    elif lang == LANG_RUBY: return b"ruby"
    elif lang == LANG_RUST: return b"rust"
    elif lang == LANG_SCALA: return b"scala"
    elif lang == LANG_SWIFT: return b"swift"
    elif lang == LANG_TYPESCRIPT: return b"typescript"
    elif lang == LANG_ZIG: return b"zig"
    elif lang == LANG_SQL: return b"sql"
    elif lang == LANG_HTML: return b"html"
    elif lang == LANG_CSS: return b"css"
    elif lang == LANG_VUE: return b"vue"
    elif lang == LANG_SVELTE: return b"svelte"
    elif lang == LANG_JSON: return b"json"
    elif lang == LANG_YAML: return b"yaml"
    elif lang == LANG_TOML: return b"toml"
    elif lang == LANG_MARKDOWN: return b"markdown"
    elif lang == LANG_DART: return b"dart"
    elif lang == LANG_JULIA: return b"julia"
    elif lang == LANG_R: return b"r"
    elif lang == LANG_PERL: return b"perl"
    elif lang == LANG_OCAML: return b"ocaml"
    elif lang == LANG_CLOJURE: return b"clojure"
    elif lang == LANG_ERLANG: return b"erlang"
    elif lang == LANG_PROTOBUF: return b"protobuf"
    elif lang == LANG_TERRAFORM: return b"terraform"
    elif lang == LANG_DOCKERFILE: return b"dockerfile"
    elif lang == LANG_MAKE: return b"make"
    elif lang == LANG_NOTEBOOK: return b"notebook"
    return b"text"


cdef inline const char* language_aliases(int lang) noexcept nogil:
    """Further names, separated by spaces (extensions are accepted as names anyway)."""
    if lang == LANG_BASH: return b"shell"
    elif lang == LANG_CPP: return b"c++"
    elif lang == LANG_CSHARP: return b"c#"
    elif lang == LANG_GO: return b"golang"
    elif lang == LANG_JAVASCRIPT: return b"node ecmascript"
    elif lang == LANG_PYTHON: return b"cython python3 ipython"
    elif lang == LANG_MARKDOWN: return b"commonmark"
    elif lang == LANG_PROTOBUF: return b"protocol-buffers"
    elif lang == LANG_TERRAFORM: return b"opentofu"
    elif lang == LANG_DOCKERFILE: return b"docker containerfile"
    elif lang == LANG_MAKE: return b"makefile"
    elif lang == LANG_NOTEBOOK: return b"jupyter"
    elif lang == LANG_TEXT: return b"plain plaintext"
    return b""


cdef inline const char* language_extensions(int lang) noexcept nogil:
    """Extensions in lower case, without the dot, separated by spaces."""
    if lang == LANG_TEXT: return b"txt text"
    elif lang == LANG_BASH: return b"sh bash zsh ksh bats ebuild"
    elif lang == LANG_C: return b"c h"
    elif lang == LANG_CPP: return b"cc cpp cxx c++ hpp hh hxx h++ inl ipp tpp txx ixx cppm cu cuh mm ino"
    elif lang == LANG_CSHARP: return b"cs csx"
    elif lang == LANG_ELIXIR: return b"ex exs"
    elif lang == LANG_GO: return b"go"
    elif lang == LANG_HASKELL: return b"hs hsc hs-boot"
    elif lang == LANG_JAVA: return b"java"
    elif lang == LANG_JAVASCRIPT: return b"js jsx mjs cjs es6"
    elif lang == LANG_KOTLIN: return b"kt kts"
    elif lang == LANG_LUA: return b"lua luau rockspec"
    elif lang == LANG_PHP: return b"php phtml php3 php4 php5 phps"
    elif lang == LANG_PYTHON: return b"py pyi pyw pyx pxd pxi bzl star"
    elif lang == LANG_RUBY: return b"rb rake gemspec ru jbuilder podspec"
    elif lang == LANG_RUST: return b"rs"
    elif lang == LANG_SCALA: return b"scala sc sbt"
    elif lang == LANG_SWIFT: return b"swift"
    elif lang == LANG_TYPESCRIPT: return b"ts tsx mts cts"
    elif lang == LANG_ZIG: return b"zig zon"
    elif lang == LANG_SQL: return b"sql psql pgsql ddl"
    elif lang == LANG_HTML: return b"html htm xhtml astro"
    elif lang == LANG_CSS: return b"css scss less"
    elif lang == LANG_VUE: return b"vue"
    elif lang == LANG_SVELTE: return b"svelte"
    elif lang == LANG_JSON: return b"json jsonc json5 geojson webmanifest"
    elif lang == LANG_YAML: return b"yaml yml"
    elif lang == LANG_TOML: return b"toml"
    elif lang == LANG_MARKDOWN: return b"md markdown mdx mkd"
    elif lang == LANG_DART: return b"dart"
    elif lang == LANG_JULIA: return b"jl"
    elif lang == LANG_R: return b"r"
    elif lang == LANG_PERL: return b"pl pm t psgi"
    elif lang == LANG_OCAML: return b"ml mli"
    elif lang == LANG_CLOJURE: return b"clj cljs cljc edn bb"
    elif lang == LANG_ERLANG: return b"erl hrl escript"
    elif lang == LANG_PROTOBUF: return b"proto"
    elif lang == LANG_TERRAFORM: return b"tf tfvars hcl"
    elif lang == LANG_DOCKERFILE: return b"dockerfile containerfile"
    elif lang == LANG_MAKE: return b"mk mak make"
    elif lang == LANG_NOTEBOOK: return b"ipynb"
    return b""


cdef inline const char* language_base_names(int lang) noexcept nogil:
    """File names that say the language by themselves, separated by spaces; letter case matters."""
    if lang == LANG_BASH: return b".bashrc .bash_profile .bash_aliases .profile .zshrc .zshenv .envrc PKGBUILD APKBUILD"
    elif lang == LANG_PYTHON: return b"SConstruct SConscript wscript BUILD BUILD.bazel WORKSPACE Snakefile Tiltfile"
    elif lang == LANG_RUBY:
        return b"Rakefile rakefile Gemfile Guardfile Capfile Vagrantfile Podfile Fastfile Brewfile Dangerfile .irbrc"
    elif lang == LANG_JAVASCRIPT: return b"Jakefile"
    elif lang == LANG_JSON: return b".babelrc .eslintrc .prettierrc composer.lock .jshintrc"
    elif lang == LANG_YAML: return b".clang-format .clang-tidy .clangd"
    elif lang == LANG_TOML: return b"Cargo.lock Pipfile poetry.lock uv.lock pdm.lock"
    elif lang == LANG_R: return b".Rprofile"
    elif lang == LANG_PERL: return b"cpanfile Makefile.PL"
    elif lang == LANG_ERLANG: return b"rebar.config"
    elif lang == LANG_DOCKERFILE: return b"Dockerfile Containerfile dockerfile"
    elif lang == LANG_MAKE: return b"Makefile makefile GNUmakefile Kbuild Makefile.am Makefile.in"
    return b""


cdef inline const char* language_interpreters(int lang) noexcept nogil:
    """Programs of a `#!` line (digits and dots at the end left out), separated by spaces."""
    if lang == LANG_BASH: return b"sh bash zsh ksh dash ash bats"
    elif lang == LANG_PYTHON: return b"python pypy"
    elif lang == LANG_RUBY: return b"ruby jruby rake"
    elif lang == LANG_PERL: return b"perl"
    elif lang == LANG_JAVASCRIPT: return b"node nodejs bun"
    elif lang == LANG_TYPESCRIPT: return b"deno ts-node tsx"
    elif lang == LANG_PHP: return b"php"
    elif lang == LANG_LUA: return b"lua luajit"
    elif lang == LANG_ELIXIR: return b"elixir"
    elif lang == LANG_ERLANG: return b"escript"
    elif lang == LANG_JULIA: return b"julia"
    elif lang == LANG_R: return b"Rscript"
    elif lang == LANG_MAKE: return b"make"
    elif lang == LANG_SCALA: return b"scala scala-cli"
    elif lang == LANG_SWIFT: return b"swift"
    elif lang == LANG_HASKELL: return b"runhaskell runghc stack"
    elif lang == LANG_KOTLIN: return b"kotlin"
    elif lang == LANG_OCAML: return b"ocaml"
    elif lang == LANG_CLOJURE: return b"clojure bb"
    return b""


cdef inline uint8_t _lower(uint8_t c) noexcept nogil:
    return c + 32 if 65 <= c <= 90 else c


cdef inline bint _listed(const char* words, const uint8_t* word, size_t n, bint fold) noexcept nogil:
    """Whether `word` is one of the space-separated `words`; `fold`: A-Z of `word` count as a-z."""
    cdef size_t i, start = 0, end = 0
    cdef bint same
    if n == 0:
        return False
    while words[start] != 0:
        end = start
        while words[end] != 0 and words[end] != 32:
            end += 1
        if end - start == n:
            same = True
            for i in range(n):
                if <uint8_t>words[start + i] != (_lower(word[i]) if fold else word[i]):
                    same = False
                    break
            if same:
                return True
        start = end + 1 if words[end] == 32 else end
    return False


cdef inline bint _starts(const uint8_t* p, size_t n, const char* prefix) noexcept nogil:
    cdef size_t i, m = strlen(prefix)
    if n < m:
        return False
    for i in range(m):
        if p[i] != <uint8_t>prefix[i]:
            return False
    return True


cdef inline bint _head_is_cpp(const uint8_t* head, size_t n) noexcept nogil:
    """Whether the beginning of a `.h` file shows C++: such a keyword at the start of a line."""
    cdef size_t i = 0
    while i < n:
        if (_starts(head + i, n - i, b"class ") or _starts(head + i, n - i, b"namespace ")
                or _starts(head + i, n - i, b"template <") or _starts(head + i, n - i, b"template<")
                or _starts(head + i, n - i, b"public:") or _starts(head + i, n - i, b"using namespace ")
                or _starts(head + i, n - i, b"constexpr ")):
            return True
        while i < n and head[i] != 10:
            i += 1
        i += 1
    return False


cdef inline int _language_of_shebang(const uint8_t* head, size_t n) noexcept nogil:
    """The language of a `#!` line, LANG_TEXT without one; `env`, its options and assignments are stepped over."""
    cdef size_t start, stop, word_end, last, limit, i = 2
    cdef int lang
    cdef bint assignment
    if n < 3 or head[0] != 35 or head[1] != 33:
        return LANG_TEXT
    limit = n if n < 256 else 256
    while i < limit and head[i] != 10:
        while i < limit and (head[i] == 32 or head[i] == 9):
            i += 1
        start = i
        last = i
        while i < limit and head[i] != 32 and head[i] != 9 and head[i] != 10 and head[i] != 13:
            if head[i] == 47:
                last = i + 1
            i += 1
        stop = i
        word_end = i
        if i < limit and head[i] == 13:
            i += 1
        if start == stop or head[start] == 45 or _listed(b"env", head + last, stop - last, False):
            continue
        while stop > last and (48 <= head[stop - 1] <= 57 or head[stop - 1] == 46):
            stop -= 1
        for lang in range(1, LANG_COUNT):
            if _listed(language_interpreters(lang), head + last, stop - last, False):
                return lang
        assignment = False  # env NAME=value program
        for i in range(start, word_end):
            if head[i] == 61:
                assignment = True
        if not assignment:
            return LANG_TEXT
        i = word_end
    return LANG_TEXT


cdef inline int language_of(const uint8_t* path, size_t n, const uint8_t* head, size_t head_n) noexcept nogil:
    """The language of a file from its path and the first bytes of its text (`head` may be NULL when `head_n` is 0)."""
    cdef size_t base = n, dot = 0, i
    cdef const uint8_t* name
    cdef size_t name_n
    cdef int lang
    while base > 0 and path[base - 1] != 47:
        base -= 1
    name = path + base
    name_n = n - base
    for lang in range(1, LANG_COUNT):
        if _listed(language_base_names(lang), name, name_n, False):
            return lang
    if _starts(name, name_n, b"Dockerfile.") or _starts(name, name_n, b"Makefile."):
        return LANG_DOCKERFILE if name[0] == 68 else LANG_MAKE
    for i in range(name_n):
        if name[i] == 46:
            dot = i + 1
    if dot > 1:
        for lang in range(LANG_COUNT):
            if _listed(language_extensions(lang), name + dot, name_n - dot, True):
                if lang == LANG_C and name_n - dot == 1 and _lower(name[dot]) == 104 and _head_is_cpp(head, head_n):
                    return LANG_CPP
                return lang
    return _language_of_shebang(head, head_n)


cdef inline int language_by_name(const uint8_t* name, size_t n) noexcept nogil:
    """The language somebody names: its name, an alias or an extension, any letter case; -1 when there is none."""
    cdef int lang
    for lang in range(LANG_COUNT):
        if _listed(language_name(lang), name, n, True) or _listed(language_aliases(lang), name, n, True):
            return lang
    for lang in range(LANG_COUNT):
        if _listed(language_extensions(lang), name, n, True):
            return lang
    return -1
