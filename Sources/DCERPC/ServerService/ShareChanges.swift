import NTTypes

/// Shares that an administrator adds, changes and takes away, [MS-SRVS] 3.1.4.7, 3.1.4.11 and 3.1.4.12.
extension ServerService {
    /// NetrShareAdd, [MS-SRVS] 3.1.4.7.
    static func addShare(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let level = try call.reader.number(UInt32.self)
        guard call.caller.isAdministrator else { return call.finish(.accessDenied, about: nil) }
        // 503 names another server that is to be this one, too: there is only one.
        guard [2, 502].contains(level) else { return call.finish(.invalidLevel, about: nil) }
        let wanted = try ShareInformation(from: &call.reader, level: level)
        let asksForMember = try call.reader.optionalNumber() != nil
        let (result, member) = add(wanted, call.server)
        call.finish(result, about: asksForMember ? member : nil)
    }

    private static func add(
        _ wanted: ShareInformation?, _ server: any ServerData
    ) -> (WindowsError, ShareInformation.Member) {
        guard let wanted else { return (.invalidParameter, .nothing) }
        guard let name = wanted.name, isValid(name, codeUnitCountMax: 80) else { return (.invalidName, .name) }
        // STYPE_DISKTREE. A special share is one whose name says so, and the cluster's bits are to be ignored, 2.2.2.4.
        guard wanted.type & ~0x8E00_0000 == 0 else { return (.invalidParameter, .type) }
        guard let path = wanted.unixPath else { return (.invalidParameter, .path) }
        guard wanted.opensToAll else { return (.notSupported, .descriptor) }
        let outcome = server.addShare(
            ShareDescription(
                name: name, comment: wanted.comment ?? "", kind: .disk, path: path,
                connectionCountMax: wanted.connectionCountMax))
        return (WindowsError(outcome), outcome == .unwritable ? .comment : .nothing)
    }

    /// NetrShareSetInfo, [MS-SRVS] 3.1.4.11. Its name, type and path stay what they are, whatever is said of them.
    static func changeShare(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let name = try call.reader.string()
        let level = try call.reader.number(UInt32.self)
        guard call.caller.isAdministrator else { return call.finish(.accessDenied, about: nil) }
        guard [1, 2, 502, 1004, 1005, 1006, 1501].contains(level) else {
            return call.finish(.invalidLevel, about: nil)
        }
        let wanted = try ShareInformation(from: &call.reader, level: level)
        let asksForMember = try call.reader.optionalNumber() != nil
        let (result, member) = change(name, to: wanted, call.server)
        call.finish(result, about: asksForMember ? member : nil)
    }

    private static func change(
        _ name: String, to wanted: ShareInformation?, _ server: any ServerData
    ) -> (WindowsError, ShareInformation.Member) {
        guard let wanted else { return (.invalidParameter, .nothing) }
        guard let share = server.share(named: name) else { return (.shareNotFound, .nothing) }
        guard share.kind == .disk else { return (.accessDenied, .nothing) }
        guard wanted.opensToAll else { return (.notSupported, .descriptor) }
        guard wanted.flags == nil || wanted.flags == share.flags else { return (.notSupported, .flags) }
        let outcome = server.changeShare(
            share.name, comment: wanted.comment, connectionCountMax: wanted.connectionCountMax)
        return (WindowsError(outcome), outcome == .unwritable ? .comment : .nothing)
    }

    /// NetrShareDel, [MS-SRVS] 3.1.4.12.
    static func removeShare(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let name = try call.reader.string()
        _ = try call.reader.number(UInt32.self)
        guard call.caller.isAdministrator else { return call.finish(.accessDenied) }
        guard let share = call.server.share(named: name) else { return call.finish(.shareNotFound) }
        guard share.kind == .disk else { return call.finish(.accessDenied) }
        call.finish(WindowsError(call.server.removeShare(share.name)))
    }
}

/// What a client says of a share: SHARE_INFO_1 to SHARE_INFO_1501_I, [MS-SRVS] 2.2.4.23 and following.
private struct ShareInformation {
    /// ParmErr: which member is wrong, [MS-SRVS] 3.1.4.11.
    enum Member: UInt32 {
        case nothing = 0
        case name = 1
        case type = 3
        case comment = 4
        case flags = 7
        case path = 8
        case descriptor = 501
    }
    private(set) var name: String?
    private(set) var type: UInt32 = 0
    private(set) var comment: String?
    /// 0 for no limit.
    private(set) var connectionCountMax: UInt32?
    private(set) var path: String?
    private(set) var flags: UInt32?
    private var descriptor: ArraySlice<UInt8>?

    /// nil for a null pointer.
    /// - Parameter level: one of these levels.
    init?(from reader: inout NDRReader, level: UInt32) throws(RPCFault) {
        try reader.alignToWord()
        guard try reader.number(UInt32.self) == level else { throw .badStubData }
        try reader.alignToWord()
        guard try reader.pointer() else { return nil }
        try reader.alignToWord()
        switch level {
        case 1004: if try reader.pointer() { comment = try reader.string() }
        case 1005: flags = try reader.number()
        case 1006: connectionCountMax = Self.limit(try reader.number())
        case 1501: descriptor = try Self.descriptor(try Self.descriptorHeader(&reader), &reader)
        default: try readNamed(&reader, level)
        }
    }

    private mutating func readNamed(_ reader: inout NDRReader, _ level: UInt32) throws(RPCFault) {
        let hasName = try reader.pointer()
        type = try reader.number()
        let hasComment = try reader.pointer()
        var (hasPath, hasPassword, header) = (false, false, nil as Int?)
        if level > 1 {
            // Permissions, which are of a time when shares had passwords, and how many use it now are not to be set.
            _ = try reader.number(UInt32.self)
            connectionCountMax = Self.limit(try reader.number())
            _ = try reader.number(UInt32.self)
            hasPath = try reader.pointer()
            hasPassword = try reader.pointer()
        }
        if level == 502 { header = try Self.descriptorHeader(&reader) }
        if hasName { name = try reader.string() }
        if hasComment { comment = try reader.string() }
        if hasPath { path = try reader.string() }
        if hasPassword { _ = try reader.string() }
        descriptor = try Self.descriptor(header, &reader)
    }

    /// SHI_USES_UNLIMITED; and more than there can be.
    private static func limit(_ value: UInt32) -> UInt32 { value > 65_536 ? 0 : value }

    /// Length and pointer. - Returns: nil for a null pointer.
    private static func descriptorHeader(_ reader: inout NDRReader) throws(RPCFault) -> Int? {
        let count = Int(try reader.number(UInt32.self))
        return try reader.pointer() ? count : nil
    }

    private static func descriptor(
        _ byteCount: Int?, _ reader: inout NDRReader
    ) throws(RPCFault) -> ArraySlice<UInt8>? {
        guard let byteCount else { return nil }
        guard try reader.count() == byteCount else { throw .badStubData }
        return try reader.read(byteCount: byteCount)
    }

    /// Whether its descriptor, where it has one, lets everybody in. Shares have none of their own here: who may use one
    /// its configuration says, and one that says otherwise would be forgotten.
    var opensToAll: Bool {
        guard let descriptor else { return true }
        guard let parts = try? SecurityDescriptor(descriptor) else { return false }
        guard let list = parts.discretionaryList else { return true }
        return list.allSatisfy { $0.kind == .allowed }
            && list.contains { entry in
                entry.identifier == .everyone && entry.mask.expandingGenericRights.isSuperset(of: .fileAllAccess)
            }
    }

    /// As Linux has it: a drive's letter before it is of Windows, and of no meaning. nil where there is none.
    var unixPath: String? {
        guard var path else { return nil }
        if path.utf8.count >= 2, path.utf8[path.utf8.index(after: path.startIndex)] == UInt8(ascii: ":") {
            path.removeFirst(2)
        }
        path = String(path.map { $0 == "\\" ? "/" : $0 })
        return path.hasPrefix("/") ? path : nil
    }
}

extension ServerData {
    /// In any case of letters; nil if there is none.
    func share(named name: String) -> ShareDescription? {
        shares().first { $0.name.lowercased() == name.lowercased() }
    }
}

extension ShareDescription {
    /// SHI1005: cached as clients see fit, as of a share that says nothing about it; SHI1005_FLAGS_ENCRYPT_DATA.
    var flags: UInt32 { requiresEncryption ? 0x8000 : 0 }
}

extension WindowsError {
    fileprivate init(_ outcome: ShareChangeOutcome) {
        self =
            switch outcome {
            case .done: .success
            case .forbidden: .accessDenied
            case .exists: .shareExists
            case .missing: .shareNotFound
            case .noFolder: .folderUnknown
            case .unwritable: .invalidParameter
            case .failed: .internalError
            }
    }
}

extension RPCCall {
    /// - Parameter member: what is wrong, for who asks; nil where nobody does.
    fileprivate mutating func finish(_ result: WindowsError, about member: ShareInformation.Member?) {
        writer.parameter { writer in writer.pointer(member.map { member in { $0.number(member.rawValue) } }) }
        finish(result)
    }
}
