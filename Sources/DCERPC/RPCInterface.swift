import NTTypes

/// The pipes there are. A list, so that no name a client sends ever becomes part of a path (CVE-2017-7494,
/// CVE-2023-3961).
public enum PipeName: String, CaseIterable, Sendable {
    case srvsvc, wkssvc, samr, lsarpc

    /// - Parameter text: as a client opens it, in any case, perhaps with the backslash before it.
    public init?(client text: String) {
        let name = text.hasPrefix("\\") ? String(text.dropFirst()) : text
        guard let found = Self.allCases.first(where: { $0.rawValue == name.lowercased() }) else { return nil }
        self = found
    }

    var interfaces: [RPCInterface] {
        switch self {
        case .srvsvc: [.serverService]
        case .wkssvc: [.workstationService]
        case .samr: [.securityAccountManager]
        case .lsarpc: [.localSecurityAuthority, .domainRoles]
        }
    }
}

/// An interface: what it is called by, and its operations.
enum RPCInterface: Sendable {
    case serverService, workstationService, localSecurityAuthority, domainRoles, securityAccountManager

    var syntax: SyntaxIdentifier {
        switch self {
        // [MS-SRVS] 1.9.
        case .serverService:
            SyntaxIdentifier(uuid: GUID(0x4B32_4FC8, 0x1670, 0x01D3, 0x1278_5A47_BF6E_E188), version: 3)
        // [MS-LSAT] 1.9.
        case .localSecurityAuthority:
            SyntaxIdentifier(uuid: GUID(0x1234_5778, 0x1234, 0xABCD, 0xEF00_0123_4567_89AB), version: 0)
        // [MS-WKST] 1.9.
        case .workstationService:
            SyntaxIdentifier(uuid: GUID(0x6BFF_D098, 0xA112, 0x3610, 0x9833_46C3_F87E_345A), version: 1)
        // [MS-SAMR] 1.9.
        case .securityAccountManager:
            SyntaxIdentifier(uuid: GUID(0x1234_5778, 0x1234, 0xABCD, 0xEF00_0123_4567_89AC), version: 1)
        // [MS-DSSP] 1.9.
        case .domainRoles:
            SyntaxIdentifier(uuid: GUID(0x3919_286A, 0xB10C, 0x11D0, 0x9BA8_00C0_4FD9_2EF5), version: 0)
        }
    }

    /// Runs one operation. - Returns: the response's stub.
    func call(
        _ operation: UInt16, _ reader: NDRReader, _ session: inout RPCSession, _ server: any ServerData
    ) throws(RPCFault) -> [UInt8] {
        var call = RPCCall(
            reader: reader, writer: NDRWriter(syntax: reader.syntax), session: session, server: server)
        switch self {
        case .serverService: try ServerService.serve(operation, &call)
        case .workstationService: try WorkstationService.serve(operation, &call)
        case .localSecurityAuthority: try LocalSecurityAuthority.serve(operation, &call)
        case .domainRoles: try DomainRoles.serve(operation, &call)
        case .securityAccountManager: try SecurityAccountManager.serve(operation, &call)
        }
        session = call.session
        return call.writer.bytes
    }
}

/// What one pipe's calls have in common.
struct RPCSession: Sendable {
    private struct Held: Sendable {
        /// Its record's.
        var number: UInt32
        var target: HandleTarget
    }
    let caller: Caller
    let limits: RPCLimits
    private var handles: [ContextHandle: Held] = [:]
    private var lastNumber: UInt32 = 0
    /// What has become of handles and is in no record that was taken: the values, by their numbers.
    private var changes: [UInt32: [UInt8]] = [:]

    init(caller: Caller, limits: RPCLimits) {
        self.caller = caller
        self.limits = limits
    }

    var handleCount: Int { handles.count }

    /// nil at the limit.
    mutating func open(_ target: HandleTarget, _ server: any ServerData) -> ContextHandle? {
        guard handles.count < limits.handleCountMax, lastNumber < .max else { return nil }
        let handle = ContextHandle(low: server.randomUInt64() | 1, high: server.randomUInt64())
        lastNumber += 1
        handles[handle] = Held(number: lastNumber, target: target)
        let record = Self.record(handle, target)
        if record.count <= PipeRecord.byteCountMax { changes[lastNumber] = record }
        return handle
    }
    func target(of handle: ContextHandle) -> HandleTarget? { handles[handle]?.target }
    mutating func close(_ handle: ContextHandle) -> Bool {
        guard let held = handles.removeValue(forKey: handle) else { return false }
        // One that nobody has heard of need not be forgotten.
        if changes.removeValue(forKey: held.number) == nil { changes[held.number] = [] }
        return true
    }

    /// - Parameter byteCountMax: of all; what has no room is left for the next time.
    mutating func takeRecords(byteCountMax: Int) -> [PipeRecord] {
        var records: [PipeRecord] = []
        var room = byteCountMax
        for (number, value) in changes {
            room -= value.count + PipeRecord.headByteCount
            guard room >= 0 else { break }
            records.append(PipeRecord(number: number, value: value))
        }
        for record in records { changes[record.number] = nil }
        return records
    }
    /// A handle that was given before; nobody needs to be told of it.
    mutating func restore(_ handle: ContextHandle, _ target: HandleTarget, number: UInt32) -> Bool {
        guard handles.count < limits.handleCountMax, handles[handle] == nil else { return false }
        handles[handle] = Held(number: number, target: target)
        lastNumber = max(lastNumber, number)
        return true
    }
}

/// One call: its arguments, its results so far, and what may be asked meanwhile.
struct RPCCall {
    var reader: NDRReader
    var writer: NDRWriter
    var session: RPCSession
    let server: any ServerData
    var caller: Caller { session.caller }
}
