/// What a context handle stands for.
enum HandleTarget: Equatable, Sendable {
    /// [MS-LSAD]: the policy.
    case policy

    /// Who may open it for what.
    var rights: OpenRights {
        switch self {
        case .policy: .policy
        }
    }
}
