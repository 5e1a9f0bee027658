/// Sessions, tree connects and open files, [MS-SRVS] 3.1.4.1 to 3.1.4.6.
extension ServerService {
    /// NetrConnectionEnum, [MS-SRVS] 3.1.4.1. The qualifier is a share's name, or a client's behind two backslashes.
    static func enumerateTreeConnects(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let qualifier = try call.reader.optionalString() ?? ""
        let enumeration = try Enumeration(from: &call.reader)
        guard call.caller.isAdministrator else { return enumeration.refuse(.accessDenied, into: &call) }
        guard !qualifier.isEmpty else { return enumeration.refuse(.invalidParameter, into: &call) }
        let visible = call.server.treeConnects(of: nil).filter { tree in
            qualifier.hasPrefix("\\\\")
                ? tree.client.isClient(qualifier) : tree.share.lowercased() == qualifier.lowercased()
        }
        let level = enumeration.level
        guard level <= 1 else { return enumeration.refuse(.invalidLevel, into: &call) }
        let sharesAreQualified = !qualifier.hasPrefix("\\\\")
        enumeration.answer(
            visible, into: &call, size: { 80 + 2 * ($0.user.utf8.count + $0.client.utf8.count) },
            write: { writer, tree in
                guard level == 1 else { return writer.number(tree.identifier) }
                writer.structure { writer in
                    let type: UInt32 = tree.share.uppercased() == "IPC$" ? 3 : 0
                    writer.numbers(tree.identifier, type, tree.openFileCount, 1, tree.age)
                    writer.stringPointer(tree.user)
                    // [MS-SRVS] 2.2.4.2: of the two, the one that was not asked for.
                    writer.stringPointer(sharesAreQualified ? tree.client : tree.share)
                }
            })
    }

    /// NetrFileEnum, [MS-SRVS] 3.1.4.2.
    static func enumerateFiles(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let base = try call.reader.optionalString() ?? ""
        let user = try call.reader.optionalString() ?? ""
        let enumeration = try Enumeration(from: &call.reader)
        guard call.caller.isAdministrator else { return enumeration.refuse(.accessDenied, into: &call) }
        let level = enumeration.level
        guard [2, 3].contains(level) else { return enumeration.refuse(.invalidLevel, into: &call) }
        let paths = SharePaths(call)
        let visible = call.server.openFiles(of: nil).filter { file in
            (user.isEmpty || file.user.lowercased() == user.lowercased())
                && paths.path(of: file).lowercased().hasPrefix(base.lowercased())
        }
        enumeration.answer(
            visible, into: &call, size: { 80 + 2 * ($0.path.utf8.count + $0.user.utf8.count) },
            write: { writer, file in
                guard level == 3 else { return writer.number(file.identifier) }
                writer.structure { writer in
                    // PERM_FILE_READ, PERM_FILE_WRITE and PERM_FILE_CREATE, [MS-SRVS] 2.2.4.7.
                    let permissions = (file.access & 1) | (file.access & 6 != 0 ? 2 : 0)
                    writer.numbers(file.identifier, permissions, file.lockCount)
                    writer.stringPointer(paths.path(of: file))
                    writer.stringPointer(file.user)
                }
            })
    }

    /// NetrFileClose, [MS-SRVS] 3.1.4.4.
    static func closeFile(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let identifier = try call.reader.number(UInt32.self)
        guard call.caller.isAdministrator else { return call.finish(.accessDenied) }
        call.finish(call.server.closeFile(identifier) ? .success : .fileNotFound)
    }

    /// NetrSessionEnum, [MS-SRVS] 3.1.4.5.
    static func enumerateSessions(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let client = try call.reader.optionalString() ?? ""
        let user = try call.reader.optionalString() ?? ""
        let enumeration = try Enumeration(from: &call.reader)
        guard call.caller.isAdministrator else { return enumeration.refuse(.accessDenied, into: &call) }
        let level = enumeration.level
        guard [0, 1, 2, 10, 502].contains(level) else { return enumeration.refuse(.invalidLevel, into: &call) }
        let all = call.server.sessions(of: nil)
        let visible = all.filter { session in
            (client.isEmpty || session.client.isClient(client))
                && (user.isEmpty || session.user.lowercased() == user.lowercased())
        }
        // [MS-SRVS] 3.1.4.5: a filter that nobody fits is an error, as is no session at all of a name.
        if visible.isEmpty, !client.isEmpty { return enumeration.refuse(.sessionNotFound, into: &call) }
        if visible.isEmpty, !user.isEmpty { return enumeration.refuse(.userNotFound, into: &call) }
        enumeration.answer(
            visible, into: &call, size: { 160 + 2 * ($0.client.utf8.count + $0.user.utf8.count) },
            write: { writer, session in writer.structure { write(session, level, &$0) } })
    }

    /// SESSION_INFO_0 to SESSION_INFO_502, [MS-SRVS] 2.2.4.11 to 2.2.4.15.
    private static func write(_ session: SessionDescription, _ level: UInt32, _ writer: inout NDRWriter) {
        writer.stringPointer("\\\\" + session.client)
        guard level > 0 else { return }
        writer.stringPointer(session.user)
        guard level != 10 else { return writer.numbers(session.age, session.idleTime) }
        // SESS_GUEST.
        writer.numbers(session.openFileCount, session.age, session.idleTime, session.isGuest ? 1 : 0)
        guard level > 1 else { return }
        // The client's type and its transport are not told, as Windows does not of SMB2.
        writer.stringPointer("")
        if level == 502 { writer.stringPointer("") }
    }

    /// NetrSessionDel, [MS-SRVS] 3.1.4.6.
    static func deleteSession(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let client = try call.reader.optionalString()
        let user = try call.reader.optionalString()
        guard call.caller.isAdministrator else { return call.finish(.accessDenied) }
        let name = client.map { String($0.drop { $0 == "\\" }) } ?? ""
        guard !name.isEmpty || user?.isEmpty == false else { return call.finish(.invalidParameter) }
        let hasEnded = call.server.endSessions(
            client: name.isEmpty ? nil : name, user: user?.isEmpty == false ? user : nil)
        call.finish(hasEnded ? .success : .sessionNotFound)
    }
}

/// Where open files are on the server's disk.
private struct SharePaths: Sendable {
    let roots: [String: String]

    init(_ call: RPCCall) {
        roots = Dictionary(
            call.server.shares().map { ($0.name.lowercased(), $0.windowsPath) }, uniquingKeysWith: { first, _ in first }
        )
    }

    func path(of file: OpenFileDescription) -> String {
        let root = roots[file.share.lowercased()] ?? ""
        return root.isEmpty ? "\\" + file.share + "\\" + file.path : root + "\\" + file.path
    }
}

extension String {
    /// Whether this is the client that a request names, with or without backslashes before it.
    fileprivate func isClient(_ name: String) -> Bool {
        lowercased() == name.drop { $0 == "\\" }.lowercased()
    }
}
