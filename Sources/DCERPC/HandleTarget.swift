/// What a context handle stands for.
enum HandleTarget: Equatable, Sendable {
    /// [MS-LSAD]: the policy.
    case policy
    /// [MS-SAMR]: the server and its parts.
    case accountServer
    case accountDomain(AccountDescription)
    case user(AccountDescription)
    case group(AccountDescription)
    case alias(AccountDescription)

    /// Who may open it for what.
    var rights: OpenRights {
        switch self {
        case .policy: .policy
        case .accountServer: .accountServer
        case .accountDomain: .accountDomain
        case .user: .user
        case .group: .group
        case .alias: .alias
        }
    }

    var domain: AccountDescription? { if case .accountDomain(let domain) = self { domain } else { nil } }
    /// A user, group or alias.
    var account: AccountDescription? {
        switch self {
        case .user(let account), .group(let account), .alias(let account): account
        case .policy, .accountServer, .accountDomain: nil
        }
    }
}
