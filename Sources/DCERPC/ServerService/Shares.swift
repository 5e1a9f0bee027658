import NTTypes

/// Shares, [MS-SRVS] 3.1.4.7 to 3.1.4.15.
extension ServerService {
    /// NetrShareEnum and NetrShareEnumSticky, [MS-SRVS] 3.1.4.8 and 3.1.4.9.
    static func enumerateShares(_ call: inout RPCCall, isSticky: Bool) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let enumeration = try Enumeration(from: &call.reader)
        guard [0, 1, 2, 501, 502].contains(enumeration.level) else {
            return enumeration.refuse(.invalidLevel, into: &call)
        }
        guard enumeration.level < 2 || call.caller.isAuthenticated else {
            return enumeration.refuse(.accessDenied, into: &call)
        }
        let isAdministrator = call.caller.isAdministrator
        // Sticky shares are those that are there after a restart; special ones are made anew.
        let shares = call.server.shares().filter {
            ($0.isBrowseable || isAdministrator) && !(isSticky && $0.isSpecial)
        }
        let writer = ShareWriter(level: enumeration.level, call)
        enumeration.answer(
            shares, into: &call, size: { 160 + 2 * ($0.name.utf8.count + $0.comment.utf8.count + $0.path.utf8.count) },
            write: writer.write)
    }

    /// NetrShareGetInfo, [MS-SRVS] 3.1.4.10.
    static func shareInformation(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let name = try call.reader.string()
        let level = try call.reader.number(UInt32.self)
        let share = call.server.share(named: name)
        var result = WindowsError.success
        if share == nil {
            result = .shareNotFound
        } else if ![0, 1, 2, 501, 502, 1004, 1005, 1006].contains(level) {
            result = .invalidLevel
        } else if [2, 502].contains(level), !call.caller.isAuthenticated {
            result = .accessDenied
        }
        let shareWriter = ShareWriter(level: level, call)
        call.writer.parameter { writer in
            writer.discriminant(level)
            // A level that does not exist has no arm in the union.
            guard result != .invalidLevel || [503, 1007, 1501].contains(level) else { return }
            guard result == .success, let share else { return writer.pointer(nil) }
            writer.pointer { writer in shareWriter.write(&writer, share) }
        }
        call.finish(result)
    }

    /// NetrShareCheck, [MS-SRVS] 3.1.4.14: whether a folder of the server is shared.
    static func checkShare(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let device = try call.reader.string()
        let share = call.server.shares().first { $0.windowsPath.lowercased() == device.lowercased() }
        let isKnown = call.caller.isAdministrator && share != nil
        call.writer.number(isKnown ? share?.type ?? 0 : 0)
        call.finish(!call.caller.isAdministrator ? .accessDenied : isKnown ? .success : .deviceNotShared)
    }
}

/// SHARE_INFO_0 to SHARE_INFO_1006, [MS-SRVS] 2.2.4.22 and following.
private struct ShareWriter: Sendable {
    let level: UInt32
    let connectionCounts: [String: UInt32]

    init(level: UInt32, _ call: RPCCall) {
        self.level = level
        var counts: [String: UInt32] = [:]
        if [2, 502].contains(level) {
            for tree in call.server.treeConnects(of: nil) { counts[tree.share.lowercased(), default: 0] += 1 }
        }
        connectionCounts = counts
    }

    func write(_ writer: inout NDRWriter, _ share: ShareDescription) {
        switch level {
        case 1004: writer.structure { $0.stringPointer(share.comment) }
        case 1005: writer.number(share.flags)
        case 1006: writer.number(share.connectionCountMax ?? .max)
        default: writer.structure { writeNamed(&$0, share) }
        }
    }

    /// The levels that begin with the name; each adds to the one before.
    private func writeNamed(_ writer: inout NDRWriter, _ share: ShareDescription) {
        writer.stringPointer(share.name)
        guard level > 0 else { return }
        writer.number(share.type)
        writer.stringPointer(share.comment)
        switch level {
        // SHI501: how it may be cached, as above.
        case 501: writer.number(0 as UInt32)
        case 2, 502:
            // Permissions are of a time when shares had passwords.
            writer.number(0 as UInt32)
            writer.number(share.connectionCountMax ?? .max)
            writer.number(connectionCounts[share.name.lowercased()] ?? 0)
            writer.stringPointer(share.windowsPath)
            // Its password.
            writer.stringPointer("")
            guard level == 502 else { return }
            let descriptor = Self.openToAll
            writer.number(UInt32(descriptor.count))
            writer.pointer { writer in
                writer.count(descriptor.count)
                writer.append(descriptor)
            }
        default: break
        }
    }

    /// Who may use a share is decided by its configuration before, so its own descriptor forbids nothing: Everyone,
    /// full control.
    private static let openToAll: [UInt8] =
        [1, 0, 0x04, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0]
        + [2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0xFF, 0x01, 0x1F, 0x00] + SID(1, 0).encoded
}

extension ShareDescription {
    /// STYPE, [MS-SRVS] 2.2.2.4: disk or pipes; special when the name ends in a dollar sign.
    var type: UInt32 {
        let kind: UInt32 =
            switch self.kind {
            case .disk: 0
            case .pipes: 3
            }
        return isSpecial ? kind | 0x8000_0000 : kind
    }
    var isSpecial: Bool { name.hasSuffix("$") }
    /// Its folder, as a path of Windows.
    var windowsPath: String {
        switch kind {
        case .disk: "C:" + String(path.map { $0 == "/" ? "\\" : $0 })
        case .pipes: ""
        }
    }
}
