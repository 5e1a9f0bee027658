import NTTypes

/// The workstation service, [MS-WKST], as far as it is asked what kind of computer this is.
enum WorkstationService {
    static func serve(_ operation: UInt16, _ call: inout RPCCall) throws(RPCFault) {
        switch operation {
        case 0: try information(&call)
        case 2: try enumerateUsers(&call)
        case 20: try joinInformation(&call)
        case 30: try computerNames(&call)
        default: throw .operationRange
        }
    }

    /// NetrWkstaGetInfo, [MS-WKST] 3.2.4.1: 100 to everybody, 101 to users, 102 to administrators.
    private static func information(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let level = try call.reader.number(UInt32.self)
        let server = call.server.server
        var result = WindowsError.success
        switch level {
        case 100: break
        case 101: if !call.caller.isAuthenticated { result = .accessDenied }
        case 102: if !call.caller.isAdministrator { result = .accessDenied }
        default: result = .invalidLevel
        }
        let userCount = result == .success && level == 102 ? UInt32(call.server.sessions(of: nil).count) : 0
        call.writer.parameter { writer in
            writer.discriminant(level)
            guard result == .success else { return result == .invalidLevel ? () : writer.pointer(nil) }
            writer.pointer { writer in
                writer.structure { writer in
                    // PLATFORM_ID_NT.
                    writer.number(500 as UInt32)
                    writer.stringPointer(server.name)
                    writer.stringPointer(server.workgroup)
                    writer.numbers(server.versionMajor, server.versionMinor)
                    guard level > 100 else { return }
                    writer.stringPointer("")
                    if level > 101 { writer.number(userCount) }
                }
            }
        }
        call.finish(result)
    }

    /// NetrWkstaUserEnum, [MS-WKST] 3.2.4.3: for administrators, who learn that nobody sits at this computer. Users of
    /// its shares are NetrSessionEnum's.
    private static func enumerateUsers(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let enumeration = try Enumeration(from: &call.reader)
        guard call.caller.isAdministrator else { return enumeration.refuse(.accessDenied, into: &call) }
        guard enumeration.level <= 1 else { return enumeration.refuse(.invalidLevel, into: &call) }
        let nobody: [String] = []
        enumeration.answer(nobody, into: &call, size: { _ in 0 }, write: { $0.stringPointer($1) })
    }

    /// NetrGetJoinInformation, [MS-WKST] 3.2.4.15: member of a workgroup.
    private static func joinInformation(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let workgroup = call.server.server.workgroup
        call.writer.parameter { $0.stringPointer(workgroup) }
        // NetSetupWorkgroupName.
        call.writer.enumeration(2)
        call.finish(.success)
    }

    /// NetrEnumerateComputerNames, [MS-WKST] 3.2.4.22: the one it has.
    private static func computerNames(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let type = try call.reader.enumeration()
        let name = call.server.server.name
        // Primary, alternate, all.
        guard type <= 2, call.caller.isAuthenticated else {
            call.writer.pointer(nil)
            return call.finish(type <= 2 ? WindowsError.accessDenied : .invalidParameter)
        }
        call.writer.parameter { writer in
            writer.pointer { $0.counted(type == 1 ? [] : [name]) { $0.unicodeString($1) } }
        }
        call.finish(.success)
    }
}
