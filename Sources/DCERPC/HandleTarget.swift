/// What a context handle stands for.
enum HandleTarget: Equatable, Sendable {
    case policy
}
