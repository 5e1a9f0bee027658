import NTTypes

/// The server service, [MS-SRVS].
///
/// Sessions, tree connects and open files are for administrators only, as with Windows and smbd. Shares are told whole
/// to all who have logged in, as smbd does; Windows keeps levels 2 and 502 for administrators.
enum ServerService {
    static func serve(_ operation: UInt16, _ call: inout RPCCall) throws(RPCFault) {
        switch operation {
        case 8: try enumerateTreeConnects(&call)
        case 9: try enumerateFiles(&call)
        case 11: try closeFile(&call)
        case 12: try enumerateSessions(&call)
        case 13: try deleteSession(&call)
        case 14: try addShare(&call)
        case 15: try enumerateShares(&call, isSticky: false)
        case 16: try shareInformation(&call)
        case 17: try changeShare(&call)
        // NetrShareDelSticky, too: no share lasts only until the next start.
        case 18, 19: try removeShare(&call)
        case 20: try checkShare(&call)
        case 21: try serverInformation(&call)
        case 22: try refuseChange(&call)
        case 23: try enumerateDisks(&call)
        case 28: try timeOfDay(&call)
        case 33: try validateName(&call)
        case 36: try enumerateShares(&call, isSticky: true)
        default: throw .operationRange
        }
    }

    /// NetrServerSetInfo: the server is what its configuration says.
    private static func refuseChange(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        call.writer.pointer(nil)
        call.finish(call.caller.isAdministrator ? .notSupported : .accessDenied)
    }

    /// NetrServerGetInfo, [MS-SRVS] 3.1.4.17.
    private static func serverInformation(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let level = try call.reader.number(UInt32.self)
        let server = call.server.server
        let isKnown = [100, 101, 102].contains(level)
        call.writer.parameter { writer in
            writer.discriminant(level)
            guard isKnown else {
                // Of levels that exist and are not told, the null pointer that their arm of the union has.
                if [402, 403, 502, 503, 599].contains(level) || (1005...1556).contains(level) { writer.pointer(nil) }
                return
            }
            writer.pointer { writer in
                writer.structure { writer in
                    // PLATFORM_ID_NT.
                    writer.number(500 as UInt32)
                    writer.stringPointer(server.name)
                    guard level > 100 else { return }
                    writer.numbers(server.versionMajor, server.versionMinor, ServerDescription.type)
                    writer.stringPointer(server.comment)
                    guard level > 101 else { return }
                    // Users without limit; never disconnected; visible; announced as Windows does; no licences.
                    writer.numbers(.max, 15, 0, 240, 3000, 0)
                    writer.stringPointer("C:\\")
                }
            }
        }
        call.finish(isKnown ? .success : .invalidLevel)
    }

    /// NetrServerDiskEnum, [MS-SRVS] 3.1.4.19: one drive, as Samba has it; paths of shares begin there.
    private static func enumerateDisks(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let level = try call.reader.number(UInt32.self)
        try call.reader.alignToWord()
        _ = try call.reader.number(UInt32.self)
        if try call.reader.pointer() {
            for _ in 0..<3 where try call.reader.count() != 0 { throw .badStubData }
        }
        _ = try call.reader.number(UInt32.self)
        let resume = try call.reader.optionalNumber()
        let disks = level == 0 ? ["C:", ""] : []
        call.writer.parameter { writer in
            writer.structure { writer in
                writer.number(UInt32(disks.count))
                writer.pointer { writer in
                    writer.count(disks.count)
                    writer.count(0)
                    writer.count(disks.count)
                    for disk in disks {
                        let units = Array(disk.utf16) + [0]
                        writer.count(0)
                        writer.count(units.count)
                        for unit in units { writer.number(unit) }
                    }
                }
            }
        }
        call.writer.number(UInt32(max(0, disks.count - 1)))
        call.writer.resumeHandle(resume.map { _ in 0 })
        call.finish(level == 0 ? .success : .invalidLevel)
    }

    /// NetrRemoteTOD, [MS-SRVS] 3.1.4.21: Universal Time, so its zone is 0 minutes away.
    private static func timeOfDay(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let time = CivilTime(call.server.now())
        call.writer.parameter { writer in
            writer.pointer { writer in
                writer.numbers(
                    time.unixSeconds, time.milliseconds, time.hour, time.minute, time.second, time.hundredths, 0, 310,
                    time.day, time.month, time.year, time.weekday)
            }
        }
        call.finish(.success)
    }

    /// NetprNameValidate, [MS-SRVS] 3.1.4.27.
    private static func validateName(_ call: inout RPCCall) throws(RPCFault) {
        _ = try call.reader.optionalString()
        let name = try call.reader.string()
        let type = try call.reader.number(UInt32.self)
        let flags = try call.reader.number(UInt32.self)
        guard flags == 0 || flags == 0x8000_0000 else { return call.finish(.invalidParameter) }
        let isOld = flags != 0
        let lengthMax: Int
        switch type {
        // A user, a group, a password.
        case 1, 2, 3: lengthMax = isOld ? 20 : 256
        // A computer, a domain, a workgroup: NetBIOS names.
        case 4, 6, 13: lengthMax = 15
        // A share: NNLEN, and 12 characters for the oldest clients.
        case 9: lengthMax = isOld ? 12 : 80
        default: return call.finish(.notSupported)
        }
        call.finish(isValid(name, codeUnitCountMax: lengthMax) ? .success : .invalidName)
    }

    static func isValid(_ name: String, codeUnitCountMax: Int) -> Bool {
        let forbidden = Set("\"/\\[]:|<>+=;,*?".utf16)
        return (1...codeUnitCountMax).contains(name.utf16.count)
            && name.utf16.allSatisfy { $0 >= 0x20 && !forbidden.contains($0) }
    }
}

extension ServerDescription {
    /// SV_TYPE bits, [MS-SRVS] 2.2.2.7: workstation, server, Unix, NT, NT server.
    static var type: UInt32 { 0x1 | 0x2 | 0x800 | 0x1000 | 0x8000 }
}

extension RPCCall {
    /// Every operation of srvsvc and wkssvc ends with its result.
    mutating func finish(_ result: WindowsError) { writer.number(result.rawValue) }
}
