import NTTypes

/// The security account manager, [MS-SAMR], as far as it is read: which accounts there are, and what is known of them.
/// Accounts are made and changed by the administrator's tools, not over the network.
///
/// There are two domains: the server's own, with its users and the group None that Windows puts all of them in, and
/// Builtin with the local groups of every Windows.
enum SecurityAccountManager {
    static func serve(_ operation: UInt16, _ call: inout RPCCall) throws(RPCFault) {
        switch operation {
        case 0, 57, 61, 62, 64: try connect(&call, operation)
        case 1: try call.closeHandle()
        case 2: try call.refuseChange()
        case 3: try call.querySecurity()
        case 5: try lookUpDomain(&call)
        case 6: try enumerateDomains(&call)
        case 7: try openDomain(&call)
        case 8, 46: try queryDomain(&call)
        case 10, 12, 14, 50: try refuseCreation(&call, operation)
        case 9, 21, 22, 24, 26, 29, 31, 32, 37, 38, 45, 52, 53, 58: try call.refuseChange()
        case 23, 30, 35: try refuseDeletion(&call)
        case 11: try enumerate(&call, hasFilter: false) { $0.groups(in: $1) }
        case 13: try enumerate(&call, hasFilter: true) { $0.users(in: $1) }
        case 15: try enumerate(&call, hasFilter: false) { $0.aliases(in: $1) }
        case 16: try aliasMembership(&call)
        case 17: try lookUpNames(&call)
        case 18: try lookUpRelativeIDs(&call)
        case 19: try openAccount(&call, .noSuchGroup, HandleTarget.group) { $0.groups(in: $1).having($2) }
        case 20: try queryGroup(&call)
        case 25: try groupMembers(&call)
        case 27: try openAccount(&call, .noSuchAlias, HandleTarget.alias) { $0.aliases(in: $1).having($2) }
        case 28: try queryAlias(&call)
        case 33: try aliasMembers(&call)
        case 34: try openAccount(&call, .noSuchUser, HandleTarget.user) { $0.user($2, in: $1) }
        case 36, 47: try queryUser(&call)
        case 39: try groupsOfUser(&call)
        case 40, 48, 51: try queryDisplay(&call)
        case 41, 49: try displayIndex(&call)
        case 44, 56: try passwordInformation(&call, ofUser: operation == 44)
        case 65: try relativeIDToSID(&call)
        default: throw .operationRange
        }
    }

    /// SamrConnect in its versions, [MS-SAMR] 3.1.5.1.
    private static func connect(_ call: inout RPCCall, _ operation: UInt16) throws(RPCFault) {
        if try call.reader.pointer() {
            // The first version's name is a single character, by an old mistake.
            if operation == 0 { _ = try call.reader.number(UInt16.self) } else { _ = try call.reader.string() }
        }
        // What kind of client it is changes nothing.
        if operation == 61 || operation == 62 { _ = try call.reader.number(UInt32.self) }
        let access = try call.reader.number(UInt32.self)
        // SAMPR_REVISION_INFO_V1: revision 3, and no features; twice its number, as level and as discriminant.
        if operation == 64 { call.writer.numbers(1, 1, 3, 0) }
        guard call.caller.isAuthenticated else {
            call.writer.handle(.null)
            return call.finish(status: .accessDenied)
        }
        call.open(.accountServer, asking: access, .accountServer)
    }

    /// SamrLookupDomainInSamServer, [MS-SAMR] 3.1.5.11.1.
    private static func lookUpDomain(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .accountServer
        let header = try call.reader.unicodeStringHeader()
        let name = try call.reader.text(of: header)
        guard isOpen else { return call.finishEmpty(.invalidHandle) }
        guard !name.isEmpty else { return call.finishEmpty(.invalidParameter) }
        let found = call.server.domains.first { $0.name.lowercased() == name.lowercased() }
        call.writer.parameter { $0.sidPointer(found?.sid) }
        call.finish(status: found == nil ? .noSuchDomain : .success)
    }

    /// SamrEnumerateDomainsInSamServer, [MS-SAMR] 3.1.5.2.1.
    private static func enumerateDomains(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .accountServer
        let start = Int(try call.reader.number(UInt32.self))
        _ = try call.reader.number(UInt32.self)
        let domains = isOpen ? call.server.domains.dropFirst(min(start, 2)) : []
        call.writer.number(UInt32(start + domains.count))
        call.writeEntries(domains.map { (0, $0.name) })
        call.writer.number(UInt32(domains.count))
        call.finish(status: isOpen ? .success : .invalidHandle)
    }

    /// SamrOpenDomain, [MS-SAMR] 3.1.5.1.5.
    private static func openDomain(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .accountServer
        let access = try call.reader.number(UInt32.self)
        let sid = try call.reader.sid()
        guard isOpen, let domain = call.server.domains.first(where: { $0.sid == sid }) else {
            call.writer.handle(.null)
            return call.finish(status: isOpen ? .noSuchDomain : .invalidHandle)
        }
        call.open(.accountDomain(domain), asking: access, .accountDomain)
    }

    /// SamrCreateUserInDomain and its likes.
    private static func refuseCreation(_ call: inout RPCCall, _ operation: UInt16) throws(RPCFault) {
        _ = try call.readHandle()
        call.writer.handle(.null)
        if operation == 50 { call.writer.number(0 as UInt32) }
        call.writer.number(0 as UInt32)
        call.finish(status: .accessDenied)
    }

    /// SamrDeleteUser and its likes, which would give back a handle that is closed.
    private static func refuseDeletion(_ call: inout RPCCall) throws(RPCFault) {
        let handle = try call.reader.handle()
        guard call.session.target(of: handle) != nil else { throw .contextMismatch }
        call.writer.handle(handle)
        call.finish(status: .accessDenied)
    }

    /// SamrOpenUser, SamrOpenGroup and SamrOpenAlias, [MS-SAMR] 3.1.5.1.6.
    private static func openAccount(
        _ call: inout RPCCall, _ missing: NTStatus, _ target: (AccountDescription) -> HandleTarget,
        find: (any ServerData, AccountDescription, UInt32) -> AccountDescription?
    ) throws(RPCFault) {
        let domain = try call.readHandle().domain
        let access = try call.reader.number(UInt32.self)
        let relativeID = try call.reader.number(UInt32.self)
        guard let domain, let account = find(call.server, domain, relativeID) else {
            call.writer.handle(.null)
            return call.finish(status: domain == nil ? .invalidHandle : missing)
        }
        let opened = target(account)
        call.open(opened, asking: access, opened.rights)
    }

    /// SamrGetUserDomainPasswordInformation and SamrGetDomainPasswordInformation: nothing is demanded of passwords.
    private static func passwordInformation(_ call: inout RPCCall, ofUser: Bool) throws(RPCFault) {
        let isOpen = ofUser ? try call.readHandle().account != nil : true
        call.writer.align(4)
        call.writer.number(0 as UInt16)
        call.writer.number(0 as UInt32)
        call.finish(status: isOpen ? .success : .invalidHandle)
    }

    /// SamrRidToSid, [MS-SAMR] 3.1.5.13.8.
    private static func relativeIDToSID(_ call: inout RPCCall) throws(RPCFault) {
        let domain = try call.readHandle().domain
        let relativeID = try call.reader.number(UInt32.self)
        call.writer.parameter { $0.sidPointer(domain?.sid.appending(relativeID)) }
        call.finish(status: domain == nil ? .invalidHandle : .success)
    }
}

extension OpenRights {
    /// [MS-SAMR] 2.2.1.3: connect, list domains and look them up.
    static let accountServer = OpenRights(
        genericRead: 0x0002_0010, genericExecute: 0x0002_0021, everybody: 0x0002_0031, all: 0x000F_003F)
    /// [MS-SAMR] 2.2.1.4.
    static let accountDomain = OpenRights(
        genericRead: 0x0002_0084, genericExecute: 0x0002_0301, everybody: 0x0002_0385, all: 0x000F_07FF)
    /// [MS-SAMR] 2.2.1.7.
    static let user = OpenRights(
        genericRead: 0x0002_031A, genericExecute: 0x0002_0041, everybody: 0x0002_035B, all: 0x000F_07FF)
    /// [MS-SAMR] 2.2.1.5.
    static let group = OpenRights(
        genericRead: 0x0002_0010, genericExecute: 0x0002_0001, everybody: 0x0002_0011, all: 0x000F_001F)
    /// [MS-SAMR] 2.2.1.6.
    static let alias = OpenRights(
        genericRead: 0x0002_0004, genericExecute: 0x0002_0008, everybody: 0x0002_000C, all: 0x000F_001F)
}

extension [AccountDescription] {
    fileprivate func having(_ relativeID: UInt32) -> AccountDescription? { first { $0.sid.relativeID == relativeID } }
}

/// What is in which domain.
extension ServerData {
    var domains: [AccountDescription] {
        [
            accountDomain,
            AccountDescription(kind: .domain, name: "Builtin", domain: "Builtin", sid: KnownAccounts.builtinDomain),
        ]
    }
    func users(in domain: AccountDescription) -> [AccountDescription] {
        domain.sid == KnownAccounts.builtinDomain ? [] : users()
    }
    func user(_ relativeID: UInt32, in domain: AccountDescription) -> AccountDescription? {
        domain.sid == KnownAccounts.builtinDomain ? nil : user(relativeID: relativeID)
    }
    func groups(in domain: AccountDescription) -> [AccountDescription] {
        domain.sid == KnownAccounts.builtinDomain ? [] : [KnownAccounts.none(in: domain)]
    }
    func aliases(in domain: AccountDescription) -> [AccountDescription] {
        domain.sid == KnownAccounts.builtinDomain ? KnownAccounts.aliases : []
    }
    /// Every account that may have a name or a relative identifier in a domain, Linux's groups included.
    func account(_ relativeID: UInt32, in domain: AccountDescription) -> AccountDescription? {
        resolve(domain.sid.appending(relativeID))
    }
    func account(named name: String, in domain: AccountDescription) -> AccountDescription? {
        resolve("\(domain.name)\\\(name)").flatMap { $0.domainSID == domain.sid && $0.kind != .domain ? $0 : nil }
    }
}

extension RPCCall {
    /// A pointer to a SAMPR_ENUMERATION_BUFFER, [MS-SAMR] 2.2.3.10.
    mutating func writeEntries(_ entries: [(relativeID: UInt32, name: String)]) {
        writer.parameter { writer in
            writer.pointer { writer in
                writer.counted(entries) { writer, entry in
                    writer.structure { writer in
                        writer.number(entry.relativeID)
                        writer.unicodeString(entry.name)
                    }
                }
            }
        }
    }
}

extension NDRWriter {
    /// A structure of a count and a pointer to so many elements; of none, the pointer is null.
    mutating func counted<Element>(_ elements: [Element], _ body: @escaping (inout NDRWriter, Element) -> Void) {
        structure { writer in
            writer.number(UInt32(elements.count))
            writer.pointer(elements.isEmpty ? nil : { $0.array(elements, body) })
        }
    }
    /// OLD_LARGE_INTEGER: eight bytes that are aligned as four.
    mutating func oldLargeInteger(_ value: UInt64) {
        numbers(UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32))
    }
}
