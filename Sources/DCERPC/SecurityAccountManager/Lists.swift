import NTTypes

/// Accounts of a domain as lists, and their names and relative identifiers.
extension SecurityAccountManager {
    /// SamrEnumerateUsersInDomain and its likes, [MS-SAMR] 3.1.5.2.
    static func enumerate(
        _ call: inout RPCCall, hasFilter: Bool,
        _ accounts: (any ServerData, AccountDescription) -> [AccountDescription]
    ) throws(RPCFault) {
        let domain = try call.readHandle().domain
        let start = Int(try call.reader.number(UInt32.self))
        // USER_ACCOUNT_CODES: all, or those that include normal accounts, which all of them are.
        let filter: UInt32 = hasFilter ? try call.reader.number() : 0
        let byteCountMax = Int(try call.reader.number(UInt32.self))
        var found = domain.map { accounts(call.server, $0) } ?? []
        if filter != 0, filter & 0x10 == 0 { found = [] }
        // About as Windows counts: 54 bytes an entry, and one in any case.
        let rest = found.dropFirst(min(start, found.count))
        let page = rest.prefix(max(1, byteCountMax / 54))
        call.writer.number(UInt32(start + page.count))
        call.writeEntries(page.map { ($0.sid.relativeID ?? 0, $0.name) })
        call.writer.number(UInt32(page.count))
        call.finish(status: domain == nil ? .invalidHandle : page.count < rest.count ? .moreEntries : .success)
    }

    /// SamrGetAliasMembership, [MS-SAMR] 3.1.5.9.2: the local groups have no members that could be listed.
    static func aliasMembership(_ call: inout RPCCall) throws(RPCFault) {
        let domain = try call.readHandle().domain
        _ = try call.reader.sidArray()
        call.writer.counted([UInt32]()) { $0.number($1) }
        call.finish(status: domain == nil ? .invalidHandle : .success)
    }

    /// SamrLookupNamesInDomain, [MS-SAMR] 3.1.5.11.2.
    static func lookUpNames(_ call: inout RPCCall) throws(RPCFault) {
        let domain = try call.readHandle().domain
        let count = try call.reader.varyingCount()
        var headers: [NDRReader.UnicodeStringHeader] = []
        for _ in 0..<count { headers.append(try call.reader.unicodeStringHeader()) }
        var names: [String] = []
        for header in headers { names.append(try call.reader.text(of: header)) }
        let server = call.server
        let found = domain.map { domain in names.map { server.account(named: $0, in: domain) } } ?? []
        call.writer.parameter { $0.counted(found.map { $0?.sid.relativeID ?? 0 }) { $0.number($1) } }
        call.writeKinds(found)
        call.finish(status: domain == nil ? .invalidHandle : mapping(found))
    }

    /// SamrLookupIdsInDomain, [MS-SAMR] 3.1.5.11.3.
    static func lookUpRelativeIDs(_ call: inout RPCCall) throws(RPCFault) {
        let domain = try call.readHandle().domain
        let count = try call.reader.varyingCount()
        var relativeIDs: [UInt32] = []
        for _ in 0..<count { relativeIDs.append(try call.reader.number()) }
        let server = call.server
        let found = domain.map { domain in relativeIDs.map { server.account($0, in: domain) } } ?? []
        call.writer.parameter { $0.counted(found.map { $0?.name }) { $0.unicodeString($1) } }
        call.writeKinds(found)
        call.finish(status: domain == nil ? .invalidHandle : mapping(found))
    }

    private static func mapping(_ found: [AccountDescription?]) -> NTStatus {
        let count = found.count { $0 != nil }
        return count == found.count ? .success : count == 0 ? .notMapped : .someNotMapped
    }

    /// SamrQueryDisplayInformation in its versions, [MS-SAMR] 3.1.5.3.
    static func queryDisplay(_ call: inout RPCCall) throws(RPCFault) {
        let domain = try call.readHandle().domain
        let level = try call.reader.enumeration()
        let start = Int(try call.reader.number(UInt32.self))
        let countMax = Int(try call.reader.number(UInt32.self))
        let byteCountMax = Int(try call.reader.number(UInt32.self))
        var all: [AccountDescription] = []
        if let domain {
            switch level {
            case 1, 4: all = call.server.users(in: domain)
            // Level 2 is of computers' accounts.
            case 3, 5: all = call.server.groups(in: domain)
            default: break
            }
        }
        let rest = all.dropFirst(min(start, all.count))
        let page = Array(rest.prefix(max(1, min(countMax, byteCountMax / 64))))
        call.writer.numbers(UInt32(all.count * 64), UInt32(page.count * 64))
        call.writer.parameter { writer in
            writer.discriminant(level)
            guard (1...5).contains(level) else { return }
            writer.counted(Array(page.enumerated())) { writer, entry in
                writer.structure { write(entry.element, level, number: start + entry.offset + 1, &$0) }
            }
        }
        guard domain != nil else { return call.finish(status: .invalidHandle) }
        guard (1...5).contains(level) else { return call.finish(status: .invalidInfoClass) }
        call.finish(status: page.count < rest.count ? .moreEntries : .success)
    }

    /// SAMPR_DOMAIN_DISPLAY_USER and its likes, [MS-SAMR] 2.2.8.
    private static func write(
        _ account: AccountDescription, _ level: UInt16, number: Int, _ writer: inout NDRWriter
    ) {
        writer.number(UInt32(number))
        guard level < 4 else { return writer.asciiString(account.name) }
        let attributes = level == 3 ? groupAttributes : userControl
        writer.numbers(account.sid.relativeID ?? 0, attributes)
        writer.unicodeString(account.name)
        writer.unicodeString("")
        if level == 1 { writer.unicodeString(account.fullName) }
    }

    /// SE_GROUP_MANDATORY, enabled by default and enabled, [MS-SAMR] 2.2.1.10.
    static let groupAttributes: UInt32 = 7
    /// USER_NORMAL_ACCOUNT, [MS-SAMR] 2.2.1.12.
    static let userControl: UInt32 = 0x10

    /// SamrGetDisplayEnumerationIndex and its second version, [MS-SAMR] 3.1.5.3.4: where names begin that are not
    /// before the given one.
    static func displayIndex(_ call: inout RPCCall) throws(RPCFault) {
        let domain = try call.readHandle().domain
        let level = try call.reader.enumeration()
        let header = try call.reader.unicodeStringHeader()
        let name = try call.reader.text(of: header).lowercased()
        let accounts = domain.map { level == 3 ? call.server.groups(in: $0) : call.server.users(in: $0) } ?? []
        let index = accounts.firstIndex { $0.name.lowercased() >= name }
        call.writer.number(UInt32(index ?? 0))
        call.finish(status: domain == nil ? .invalidHandle : index == nil ? .noMoreEntries : .success)
    }
}

extension RPCCall {
    /// SAMPR_ULONG_ARRAY of SID_NAME_USE.
    fileprivate mutating func writeKinds(_ found: [AccountDescription?]) {
        writer.parameter { $0.counted(found.map { UInt32(($0?.kind ?? .unknown).rawValue) }) { $0.number($1) } }
    }
}

extension NDRReader {
    /// A count, and the head of a conformant and varying array of so many elements.
    fileprivate mutating func varyingCount() throws(RPCFault) -> Int {
        let announced = try number(UInt32.self)
        let maximum = try count()
        let first = try count()
        let length = try elementCount()
        guard first == 0, length <= maximum, length == Int(announced), length <= 1000 else { throw .badStubData }
        return length
    }
}

extension NDRWriter {
    /// RPC_STRING in a client's eight-bit characters: ASCII, and question marks for the rest.
    fileprivate mutating func asciiString(_ text: String) {
        let bytes = text.unicodeScalars.map { $0.isASCII ? UInt8($0.value) : UInt8(ascii: "?") }.prefix(0x7FFE)
        structure { writer in
            writer.number(UInt16(bytes.count))
            writer.number(UInt16(bytes.count + 1))
            writer.pointer { writer in
                writer.count(bytes.count + 1)
                writer.count(0)
                writer.count(bytes.count)
                writer.append(bytes)
            }
        }
    }
}
