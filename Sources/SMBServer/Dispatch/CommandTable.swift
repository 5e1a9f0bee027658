import NTTypes
import Platform
import SMBWire

/// What the dispatcher must establish before a command's handler runs.
struct Requirements: OptionSet {
    let rawValue: UInt8
    /// A valid session; STATUS_USER_SESSION_DELETED otherwise.
    static var session: Self { .init(rawValue: 1) }
    /// A tree connect of that session; STATUS_NETWORK_NAME_DELETED otherwise.
    static var treeConnect: Self { .init(rawValue: 2) }
    /// It names an open, so it fails as the CREATE before it in a related compound did.
    static var file: Self { .init(rawValue: 4) }
    /// Goes through after the session has expired, [MS-SMB2] 3.3.5.2.9.
    static var allowedWhenExpired: Self { .init(rawValue: 8) }
}

extension SMB2Command {
    var requirements: Requirements {
        switch self {
        case .negotiate, .sessionSetup, .cancel, .echo: []
        case .logoff: [.session, .allowedWhenExpired]
        case .treeConnect: [.session]
        case .treeDisconnect: [.session, .treeConnect]
        case .create: [.session, .treeConnect]
        case .close, .lock: [.session, .treeConnect, .file, .allowedWhenExpired]
        case .flush, .read, .write, .ioctl, .queryDirectory, .changeNotify, .queryInfo, .setInfo:
            [.session, .treeConnect, .file]
        case .oplockBreak: [.session, .treeConnect]
        }
    }
}

extension Connection {
    /// Decodes the request, runs the command's handler, and encodes what it returns. Bytes that are not the structure
    /// they should be are STATUS_INVALID_PARAMETER throughout [MS-SMB2] 3.3.5.
    func dispatch(
        _ command: SMB2Command, _ reader: inout WireReader, _ context: inout RequestContext
    ) throws(NTStatus) {
        switch command {
        case .negotiate: try NegotiateHandler.run(&reader, &context)
        case .sessionSetup: try SessionSetupHandler.run(&reader, &context)
        case .logoff: try LogoffHandler.run(&reader, &context)
        case .treeConnect: try TreeConnectHandler.run(&reader, &context)
        case .treeDisconnect: try TreeDisconnectHandler.run(&reader, &context)
        case .create: try CreateHandler.run(&reader, &context)
        case .close: try CloseHandler.run(&reader, &context)
        case .flush: try FlushHandler.run(&reader, &context)
        case .read: try ReadHandler.run(&reader, &context)
        case .write: try WriteHandler.run(&reader, &context)
        case .lock: try LockHandler.run(&reader, &context)
        case .ioctl: try IoctlHandler.run(&reader, &context)
        case .cancel: throw .invalidParameter
        case .echo: try EchoHandler.run(&reader, &context)
        case .queryDirectory: try QueryDirectoryHandler.run(&reader, &context)
        case .changeNotify: try ChangeNotifyHandler.run(&reader, &context)
        case .queryInfo: try QueryInfoHandler.run(&reader, &context)
        case .setInfo: try SetInfoHandler.run(&reader, &context)
        case .oplockBreak: try OplockBreakHandler.run(&reader, &context)
        }
    }
}
