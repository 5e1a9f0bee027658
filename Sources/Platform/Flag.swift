/// A switch that one side sets and many threads look at.
public final class Flag: Sendable {
    private let value: Atomic<Bool>

    public init(_ initial: Bool = false) { value = Atomic(initial) }

    @inline(__always)
    public var isOn: Bool { value.load(ordering: .relaxed) }

    public func set(_ new: Bool) { value.store(new, ordering: .relaxed) }
}
