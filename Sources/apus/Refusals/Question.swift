import Authentication
import Configuration
import ControlPlane
import FileStore
import Glibc
import NTTypes
import SMBCrypto
import SMBServer

/// May a user do that? Asked of the code that serves clients, in this process and without one: the login runs with the
/// right password whatever it is, the tree connect by the configuration's rules, the open as an open. So the answer is
/// the server's own. What only a running server knows, it is asked for besides (`OtherOpens`).
struct Question {
    enum Answer {
        case allowed(credentialsText: String)
        case denied(NTStatus, RefusalReason)
    }
    let configuration: ServerConfiguration
    let user: String
    let share: String
    /// Within the share, with "/" between names.
    let path: String
    let access: Access
    /// The client's address; nil leaves the rules about addresses out.
    let address: String?
    private let plane: ControlPlaneAccess

    /// - Parameters:
    ///   - target: `\\server\share\path`, a share's name with a path behind it, or a path of this machine that is
    ///     inside a share.
    init(config: String, users: String, user: String, target: String, access: Access, address: String?) throws {
        var settings = try ControlPlaneProcess.load(config: config, users: users)
        if address == nil {
            for index in settings.configuration.shares.indices {
                settings.configuration.shares[index].hostsAllow = HostList()
                settings.configuration.shares[index].hostsDeny = HostList()
            }
        }
        for account in settings.users.users {
            settings.users.set(.init(name: account.name, passwordHash: MD4.hash(Self.password.utf16LittleEndian)))
        }
        configuration = settings.configuration
        self.user = user
        self.access = access
        self.address = address
        (share, path) = Self.locate(target, configuration)
        let service = LoginService(settings: settings, now: { Clock.wall() }, log: { _ in })
        let domain = DomainIdentity.load(besides: users, log: { _ in })
        var only = configuration
        only.shares = configuration.shares.filter { [share] in $0.name.lowercased() == share.lowercased() }
        plane = ControlPlaneAccess(
            ask: { service.answer($0) }, tell: { _ = service.answer($0) },
            shares: ShareBuilder.build(only, domain: domain, log: { StandardError.write("\($0)\n") }),
            configuration: configuration, actsAsUsers: geteuid() == 0, log: { _ in })
    }

    /// Everybody's, for the length of the question.
    private static let password = "as if it were right"

    private static func locate(_ target: String, _ configuration: ServerConfiguration) -> (share: String, path: String)
    {
        let words = target.split { $0 == "\\" || $0 == "/" }.map(String.init)
        if target.hasPrefix("\\\\") || target.hasPrefix("//") {
            return (words.dropFirst().first ?? "", words.dropFirst(2).joined(separator: "/"))
        }
        guard target.hasPrefix("/") else { return (words.first ?? "", words.dropFirst().joined(separator: "/")) }
        // The innermost share that the path is in.
        let found = configuration.shares.map { share in (share, share.path.split(separator: "/").map(String.init)) }
            .filter { words.starts(with: $0.1) }.max { $0.1.count < $1.1.count }
        guard let (share, root) = found else { return ("", target) }
        return (share.name, words.dropFirst(root.count).joined(separator: "/"))
    }

    /// On this machine. nil where there is no such share.
    var file: String? {
        configuration.shares.first { $0.name.lowercased() == share.lowercased() }.map { "\($0.path)/\(path)" }
    }

    func answer() -> Answer {
        guard !share.isEmpty else {
            let reason = RefusalReason(
                .share, "\(configuration.path): no share has \(path) in it",
                remedy: "add a share with such a path, and reload")
            return .denied(.badNetworkName, reason)
        }
        let from = address ?? "127.0.0.1"
        switch logIn(from) {
        case .failed(let status, let reason): return .denied(status, reason ?? text(status).reason)
        case .more, .late: return .denied(.logonFailure, text(.logonFailure).reason)
        case .done(_, let login):
            let decision = plane.connectTree(share: share, user: login, remoteAddress: from)
            if case .refused(let status, let reason) = decision {
                return .denied(status, reason ?? text(status).reason)
            }
            guard let trial = OpenTrial(decision, now: Clock.wall()) else {
                return .denied(.internalError, text(.internalError).reason)
            }
            return open(trial)
        }
    }

    private func logIn(_ address: String) -> AuthenticationStep {
        var client = NTLMClient(user: user, password: Self.password)
        let first = plane.authenticate(exchange: 1, token: client.initialToken(), remoteAddress: address)
        guard case .more(let challenge) = first, let token = try? client.step(challenge) else { return first }
        return plane.authenticate(exchange: 1, token: token, remoteAddress: address)
    }

    private func open(_ trial: OpenTrial) -> Answer {
        do throws(NTStatus) {
            try trial.open(NTName(path), access.mask, deletes: access == .delete)
        } catch {
            if error == .objectNameNotFound, error.cause == nil, access == .write { return create(trial) }
            return .denied(error, reason(error, trial))
        }
        return .allowed(credentialsText: words(trial))
    }

    /// The file does not exist: may it be made?
    private func create(_ trial: OpenTrial) -> Answer {
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        do throws(NTStatus) {
            try trial.open(NTName(folder), .writeData)
        } catch {
            if case .mode(_, let mode) = error.cause {
                return .denied(.accessDenied, reason(.accessDenied.because(.closedFolder(mode: mode)), trial))
            }
            return .denied(error, reason(error, trial, path: folder))
        }
        return .allowed(credentialsText: words(trial))
    }

    private func words(_ trial: OpenTrial) -> String {
        geteuid() == 0
            ? "as \(Names.user(trial.credentials.userID)) (uid \(trial.credentials.userID))"
            : "as \(Names.user(geteuid())), whom everything runs as, since this was not asked by root"
    }

    private func reason(_ status: NTStatus, _ trial: OpenTrial, path: String? = nil) -> RefusalReason {
        if case .readOnlyShare = status.cause, let reason = trial.readOnlyReason { return reason }
        if status.cause == nil, status == .objectNameNotFound || status == .objectPathNotFound {
            return RefusalReason(.path, "there is no such file in [\(share)]", remedy: "look for its right name")
        }
        return text(status, trial, path).reason
    }

    private func text(_ status: NTStatus, _ trial: OpenTrial? = nil, _ path: String? = nil) -> RefusalText {
        RefusalText(
            configuration: configuration,
            subject: .init(
                status: status, user: user, share: share, path: path ?? self.path, access: access.mask, holder: nil,
                store: trial?.store, credentials: trial?.credentials))
    }
}

extension Question {
    /// What people mean by it.
    enum Access: String, CaseIterable {
        case read, write, delete, execute, permissions, ownership

        var mask: AccessMask {
            switch self {
            case .read: .fileGenericRead
            case .write: .fileGenericWrite
            case .delete: [.delete, .readAttributes]
            case .execute: .fileGenericExecute
            case .permissions: .writeDAC
            case .ownership: .writeOwner
            }
        }
        var words: String {
            switch self {
            case .permissions: "change the permissions of"
            case .ownership: "take the ownership of"
            default: rawValue
            }
        }
    }
}
