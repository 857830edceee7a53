import Foundation

/// class Fake {}
public let version = "1.0"
private var counter = 0

public typealias Handler = (String) -> Void

@available(iOS 13, *)
public final class Store<T: Hashable>: Base, Sendable {
    @Published var items: [T] = []
    private let name: String
    public static let shared = Store()
    var total: Int { items.reduce(0) { $0 + 1 } }

    public init?(name: String = "func x() {") {
        self.name = "\(name + "}") \(items.map { "\($0)" })"
    }
    deinit { print("}") }

    @discardableResult
    open func load<K>(_ key: K, completion: @escaping (T) -> Void) async throws -> [T] where K: Hashable {
        func nested() {}
        let text = """
        func inText() {
        """
        let raw = #"class "Raw" {"#
        return []
    }
    class func make() -> Self { fatalError() }
    subscript(index: Int) -> T { items[index] }
    static func == (lhs: Store, rhs: Store) -> Bool { true }

    enum Mode: String {
        case read, write
        func next() -> Mode { .read }
    }
}

protocol Loader: AnyObject {
    associatedtype Item
    var id: String { get }
    func fetch(id: String) -> Item
}

extension Array.Inner where Element: Loader {
    mutating func shuffleAll() {}
}
struct Point { var x = 0 }
func topLevel(_ a: Int...) -> Int { a.count }
actor Worker { nonisolated func run() {} }
