import NTTypes

/// What is known of a user.
extension SecurityAccountManager {
    /// SamrQueryInformationUser and its second version, [MS-SAMR] 3.1.5.5.5.
    static func queryUser(_ call: inout RPCCall) throws(RPCFault) {
        guard case .user(let user) = try call.readHandle() else { return call.finishEmpty(.invalidHandle) }
        let level = try call.reader.enumeration()
        guard (1...14).contains(level) || [16, 17, 20, 21].contains(level) else {
            return call.finishEmpty(.invalidInfoClass)
        }
        call.writer.parameter { writer in
            writer.pointer { writer in
                writer.discriminant(level)
                writer.structure { UserFacts(user: user).write(level, into: &$0) }
            }
        }
        call.finish(status: .success)
    }
}

/// SAMPR_USER_INFO_BUFFER, [MS-SAMR] 2.2.7. What is not known here is empty, or never.
private struct UserFacts: Sendable {
    let user: AccountDescription
    private var relativeID: UInt32 { user.sid.relativeID ?? 0 }
    private var never: UInt64 { SecurityAccountManager.never }
    private var control: UInt32 { SecurityAccountManager.userControl }

    func write(_ level: UInt16, into writer: inout NDRWriter) {
        switch level {
        case 1:
            writeNames(into: &writer)
            writer.number(KnownAccounts.noneRelativeID)
            writeEmpty(2, into: &writer)
        case 2:
            writeEmpty(2, into: &writer)
            writer.number(0 as UInt16)
            writer.number(0 as UInt16)
        case 3: writeLogon(into: &writer)
        case 4: writeHours(into: &writer)
        case 5: writeAccount(into: &writer)
        case 6: writeNames(into: &writer)
        case 7: writer.unicodeString(user.name)
        case 8: writer.unicodeString(user.fullName)
        case 9: writer.number(KnownAccounts.noneRelativeID)
        case 10: writeEmpty(2, into: &writer)
        case 16: writer.number(control)
        case 17: writer.oldLargeInteger(never)
        case 21: writeAll(into: &writer)
        // Script, profile, comment, workstations, parameters.
        default: writeEmpty(1, into: &writer)
        }
    }

    private func writeNames(into writer: inout NDRWriter) {
        writer.unicodeString(user.name)
        writer.unicodeString(user.fullName)
    }
    private func writeEmpty(_ count: Int, into writer: inout NDRWriter) {
        for _ in 0..<count { writer.unicodeString("") }
    }
    private func writeTimes(_ times: UInt64..., into writer: inout NDRWriter) {
        for time in times { writer.oldLargeInteger(time) }
    }

    /// SAMPR_LOGON_HOURS: every hour of the week.
    private func writeHours(into writer: inout NDRWriter) {
        writer.structure { writer in
            writer.number(168 as UInt16)
            writer.pointer { writer in
                writer.count(1260)
                writer.count(0)
                writer.count(21)
                writer.append(repeatElement(0xFF, count: 21))
            }
        }
    }

    private func writeLogon(into writer: inout NDRWriter) {
        writeNames(into: &writer)
        writer.numbers(relativeID, KnownAccounts.noneRelativeID)
        // Home and its drive, script, profile, workstations.
        writeEmpty(5, into: &writer)
        // Last logon and logoff; passwords: last change, may and must be changed.
        writeTimes(0, never, 0, 0, never, into: &writer)
        writeHours(into: &writer)
        writer.number(0 as UInt16)
        writer.number(0 as UInt16)
        writer.number(control)
    }

    private func writeAccount(into writer: inout NDRWriter) {
        writeNames(into: &writer)
        writer.numbers(relativeID, KnownAccounts.noneRelativeID)
        // As above, with a comment before the workstations.
        writeEmpty(6, into: &writer)
        writeTimes(0, never, into: &writer)
        writeHours(into: &writer)
        writer.number(0 as UInt16)
        writer.number(0 as UInt16)
        writeTimes(0, never, into: &writer)
        writer.number(control)
    }

    private func writeAll(into writer: inout NDRWriter) {
        // Last logon, logoff, password change; expiry; the password may and must be changed.
        writeTimes(0, never, 0, never, 0, never, into: &writer)
        writeNames(into: &writer)
        // Home and its drive, script, profile, two comments and workstations, parameters.
        writeEmpty(8, into: &writer)
        // Hashes are nobody's to read.
        for _ in 0..<2 { writer.unicodeString(nil) }
        // Private data, and a security descriptor that is not told here.
        writeEmpty(1, into: &writer)
        writer.number(0 as UInt32)
        writer.pointer(nil)
        // WhichFields: all but the secrets.
        writer.numbers(relativeID, KnownAccounts.noneRelativeID, control, 0x00FF_FFFF)
        writeHours(into: &writer)
        // Failures, logons, country and code page.
        for _ in 0..<4 { writer.number(0 as UInt16) }
        // There is a password, of the newer kind; it is in force.
        writer.append([0, 1, 0, 0])
    }
}
