import NTTypes

/// The local security authority as far as clients ask it for names: [MS-LSAT], and the reading part of [MS-LSAD].
/// Nobody holds privileges here, no domain is trusted, and nothing can be changed.
enum LocalSecurityAuthority {
    static func serve(_ operation: UInt16, _ call: inout RPCCall) throws(RPCFault) {
        switch operation {
        case 0: try call.closeHandle()
        case 1: try call.refuseChange(.notSupported)
        case 4, 8, 37, 38, 47: try call.refuseChange()
        case 2: try enumeratePrivileges(&call)
        case 3: try call.querySecurity()
        case 6, 44, 130: try openPolicy(&call, operation)
        case 7, 46: try queryPolicy(&call)
        case 10, 16: try refuseCreation(&call)
        case 11: try enumerateAccounts(&call)
        case 13, 50: try enumerateTrustedDomains(&call)
        case 14, 58, 68, 77: try lookUpNames(&call, NameLookup(operation: operation))
        case 15, 57, 76: try lookUpSIDs(&call, SIDLookup(operation: operation))
        case 17: try openAccount(&call)
        case 28: try openSecret(&call)
        case 31: try privilegeValue(&call)
        case 32: try privilegeName(&call)
        case 33: try privilegeDisplayName(&call)
        case 35: try enumerateAccountsWithRight(&call)
        case 36: try enumerateRights(&call)
        case 45: try userName(&call)
        default: throw .operationRange
        }
    }

    /// LsarOpenPolicy in its three versions, [MS-LSAD] 3.1.4.4.1.
    private static func openPolicy(_ call: inout RPCCall, _ operation: UInt16) throws(RPCFault) {
        if try call.reader.pointer() {
            // The first version's name is a single character, by an old mistake.
            if operation == 6 { _ = try call.reader.number(UInt16.self) } else { _ = try call.reader.string() }
        }
        try skipObjectAttributes(&call.reader)
        let access = try call.reader.number(UInt32.self)
        // LSAPR_REVISION_INFO_V1: revision 1, and no features; before it, twice, that it is version 1.
        if operation == 130 { call.writer.numbers(1, 1, 1, 0) }
        call.open(.policy, asking: access, .policy)
    }

    /// LSAPR_OBJECT_ATTRIBUTES, [MS-LSAD] 2.2.2.4: said to be ignored but for the root, which must not be.
    private static func skipObjectAttributes(_ reader: inout NDRReader) throws(RPCFault) {
        try reader.alignToWord()
        _ = try reader.count()
        let hasRoot = try reader.pointer()
        let hasName = try reader.pointer()
        _ = try reader.number(UInt32.self)
        let hasDescriptor = try reader.pointer()
        let hasQuality = try reader.pointer()
        if hasRoot { try reader.skip(1) }
        if hasName { _ = try reader.string() }
        guard !hasDescriptor else { throw .badStubData }
        if hasQuality {
            try reader.alignToWord()
            _ = try reader.count()
            _ = try reader.enumeration()
            try reader.skip(2)
        }
    }

    /// LsarOpenSecret: none are kept here.
    private static func openSecret(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .policy
        call.writer.handle(.null)
        call.finish(status: isOpen ? .objectNameNotFound : .invalidHandle)
    }

    /// LsarCreateAccount and LsarCreateSecret.
    private static func refuseCreation(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.readHandle()
        call.writer.handle(.null)
        call.finish(status: .accessDenied)
    }

    /// LsarQueryInformationPolicy and its second version, [MS-LSAD] 3.1.4.4.4.
    private static func queryPolicy(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .policy
        let level = try call.reader.enumeration()
        let server = call.server
        let accountDomain = server.accountDomain
        let workgroup = server.server.workgroup
        guard isOpen else { return call.finishEmpty(.invalidHandle) }
        guard [3, 5, 6, 12, 13, 14].contains(level) else { return call.finishEmpty(.invalidParameter) }
        call.writer.parameter { writer in
            writer.pointer { writer in
                writer.discriminant(UInt16(level))
                switch level {
                // PolicyPrimaryDomainInformation: a workgroup has a name, and no SID.
                case 3:
                    writer.unicodeString(workgroup, isTerminated: true)
                    writer.sidPointer(nil)
                // PolicyAccountDomainInformation, and its local cousin.
                case 5, 14:
                    writer.unicodeString(accountDomain.name, isTerminated: true)
                    writer.sidPointer(accountDomain.sid)
                // PolicyLsaServerRolePrimary.
                case 6: writer.number(3 as UInt32)
                // PolicyDnsDomainInformation.
                default:
                    writer.unicodeString(workgroup, isTerminated: true)
                    writer.unicodeString("", isTerminated: true)
                    writer.unicodeString("", isTerminated: true)
                    writer.guid(.zero)
                    writer.sidPointer(nil)
                }
            }
        }
        call.finish(status: .success)
    }

    /// LsarEnumerateTrustedDomains and its extended version: there is none.
    private static func enumerateTrustedDomains(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .policy
        let resume = try call.reader.number(UInt32.self)
        call.writer.number(resume)
        call.writer.structure { writer in
            writer.number(0 as UInt32)
            writer.pointer(nil)
        }
        call.finish(status: isOpen ? .noMoreEntries : .invalidHandle)
    }

    /// LsarGetUserName, [MS-LSAT] 3.1.4.2: who is asking.
    private static func userName(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        if try call.reader.pointer() {
            let header = try call.reader.unicodeStringHeader()
            _ = try call.reader.text(of: header)
        }
        let wantsDomain = try call.reader.pointer()
        let caller = call.caller
        let name = caller.isAnonymous ? "ANONYMOUS LOGON" : caller.user
        let domain = caller.isAnonymous ? "NT AUTHORITY" : call.server.accountDomain.name
        call.writer.parameter { writer in writer.pointer { $0.unicodeString(name) } }
        call.writer.parameter { writer in
            writer.pointer(wantsDomain ? { writer in writer.pointer { $0.unicodeString(domain) } } : nil)
        }
        call.finish(status: .success)
    }
}

/// What a handle may be opened for by those who are no administrators; they get no more than reading.
struct OpenRights {
    /// What generic rights stand for.
    var genericRead: UInt32
    var genericExecute: UInt32
    /// All that everybody may have.
    var everybody: UInt32
    var all: UInt32

    /// [MS-LSAD] 2.2.1.1.2: look up names, and see local information.
    static let policy = OpenRights(
        genericRead: 0x0002_0000, genericExecute: 0x0002_0801, everybody: 0x0002_0801, all: 0x000F_1FFF)

    /// - Returns: whether `asked` is allowed; MAXIMUM_ALLOWED always is.
    func allow(_ asked: UInt32, isAdministrator: Bool) -> Bool {
        var wanted = asked & 0x00FF_FFFF
        if asked & 0x8000_0000 != 0 { wanted |= genericRead }
        if asked & 0x2000_0000 != 0 { wanted |= genericExecute }
        // GENERIC_WRITE and GENERIC_ALL.
        if asked & 0x5000_0000 != 0 { wanted |= all }
        return wanted & ~(isAdministrator ? all : everybody) == 0
    }
}

extension RPCCall {
    /// Every operation of lsarpc and samr ends with its result.
    mutating func finish(status result: NTStatus) { writer.number(result.rawValue) }
    /// A null pointer where the result would be, and why.
    mutating func finishEmpty(_ result: NTStatus) {
        writer.pointer(nil)
        finish(status: result)
    }

    /// What the handle that comes next stands for. - Throws: contextMismatch if it is not this pipe's.
    mutating func readHandle() throws(RPCFault) -> HandleTarget {
        guard let target = session.target(of: try reader.handle()) else { throw .contextMismatch }
        return target
    }

    /// The answer of operations that would change something and return nothing else.
    mutating func refuseChange(_ status: NTStatus = .accessDenied) throws(RPCFault) {
        _ = try readHandle()
        finish(status: status)
    }

    /// Answers with a new handle, or with why there is none.
    mutating func open(_ target: HandleTarget, asking access: UInt32, _ rights: OpenRights) {
        guard rights.allow(access, isAdministrator: caller.isAdministrator) else {
            writer.handle(.null)
            return finish(status: .accessDenied)
        }
        guard let handle = session.open(target, server) else {
            writer.handle(.null)
            return finish(status: .insufficientResources)
        }
        writer.handle(handle)
        finish(status: .success)
    }

    /// LsarClose and SamrCloseHandle.
    mutating func closeHandle() throws(RPCFault) {
        guard session.close(try reader.handle()) else { throw .contextMismatch }
        writer.handle(.null)
        finish(status: .success)
    }

    /// LsarQuerySecurityObject and SamrQuerySecurityObject: everybody may read, administrators may do all.
    mutating func querySecurity() throws(RPCFault) {
        let descriptor = try readHandle().rights.descriptor
        writer.parameter { writer in
            writer.pointer { writer in
                writer.structure { writer in
                    writer.number(UInt32(descriptor.count))
                    writer.pointer { writer in
                        writer.count(descriptor.count)
                        writer.append(descriptor)
                    }
                }
            }
        }
        finish(status: .success)
    }
}

extension OpenRights {
    /// Self-relative, [MS-DTYP] 2.4.6: owned by administrators; they may do all, everybody may read.
    var descriptor: [UInt8] {
        func little(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
        func entry(_ mask: UInt32, _ sid: SID) -> [UInt8] {
            [0, 0, UInt8(8 + sid.encoded.count), 0] + little(mask) + sid.encoded
        }
        let administrators = KnownAccounts.builtinDomain.appending(544)
        let entries = entry(everybody, SID(1, 0)) + entry(all, administrators)
        let list = [2, 0, UInt8(8 + entries.count), 0, 2, 0, 0, 0] + entries
        let owner = administrators.encoded
        let ownerAt = UInt32(20 + list.count)
        return [1, 0, 0x04, 0x80] + little(ownerAt) + little(ownerAt) + little(0) + little(20) + list + owner
    }
}
