import NTTypes

/// Privileges, [MS-LSAD] 3.1.4.8 and 3.1.1.2.1: clients may ask for their names. Nobody holds one by account; what
/// administrators may do here follows from who they are.
extension LocalSecurityAuthority {
    private static let privileges: [(name: String, value: UInt32, display: String)] = [
        ("SeSecurityPrivilege", 8, "Manage auditing and security log"),
        ("SeTakeOwnershipPrivilege", 9, "Take ownership of files or other objects"),
        ("SeBackupPrivilege", 17, "Back up files and directories"),
        ("SeRestorePrivilege", 18, "Restore files and directories"),
    ]

    /// LsarEnumeratePrivileges.
    static func enumeratePrivileges(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .policy
        let start = Int(try call.reader.number(UInt32.self))
        let rest = isOpen ? Array(privileges.dropFirst(min(start, privileges.count))) : []
        call.writer.number(UInt32(privileges.count))
        call.writer.parameter { writer in
            writer.structure { writer in
                writer.number(UInt32(rest.count))
                writer.pointer(
                    rest.isEmpty
                        ? nil
                        : { writer in
                            writer.array(rest) { writer, privilege in
                                writer.structure { writer in
                                    writer.unicodeString(privilege.name, isTerminated: true)
                                    writer.numbers(privilege.value, 0)
                                }
                            }
                        })
            }
        }
        call.finish(status: !isOpen ? .invalidHandle : rest.isEmpty ? .noMoreEntries : .success)
    }

    /// LsarLookupPrivilegeValue.
    static func privilegeValue(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .policy
        let header = try call.reader.unicodeStringHeader()
        let name = try call.reader.text(of: header)
        let found = privileges.first { $0.name.lowercased() == name.lowercased() }
        call.writer.numbers(found?.value ?? 0, 0)
        call.finish(status: !isOpen ? .invalidHandle : found == nil ? .noSuchPrivilege : .success)
    }

    /// LsarLookupPrivilegeName.
    static func privilegeName(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .policy
        let (low, high) = (try call.reader.number(UInt32.self), try call.reader.number(UInt32.self))
        guard isOpen else { return call.finishEmpty(.invalidHandle) }
        guard high == 0, let found = privileges.first(where: { $0.value == low }) else {
            return call.finishEmpty(.noSuchPrivilege)
        }
        call.writer.parameter { writer in writer.pointer { $0.unicodeString(found.name, isTerminated: true) } }
        call.finish(status: .success)
    }

    /// LsarLookupPrivilegeDisplayName: in English, whatever the client speaks.
    static func privilegeDisplayName(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .policy
        let header = try call.reader.unicodeStringHeader()
        let name = try call.reader.text(of: header)
        let found = privileges.first { $0.name.lowercased() == name.lowercased() }
        call.writer.parameter { writer in
            writer.pointer(found.map { found in { $0.unicodeString(found.display, isTerminated: true) } })
        }
        call.writer.number(0x0409 as UInt16)
        call.finish(status: !isOpen ? .invalidHandle : found == nil ? .noSuchPrivilege : .success)
    }

    // MARK: accounts

    /// LsarEnumerateAccounts: those with rights; there is none.
    static func enumerateAccounts(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .policy
        call.writer.number(try call.reader.number(UInt32.self))
        call.writer.structure { writer in
            writer.number(0 as UInt32)
            writer.pointer(nil)
        }
        call.finish(status: isOpen ? .noMoreEntries : .invalidHandle)
    }

    /// LsarEnumerateAccountsWithUserRight.
    static func enumerateAccountsWithRight(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .policy
        call.writer.structure { writer in
            writer.number(0 as UInt32)
            writer.pointer(nil)
        }
        call.finish(status: isOpen ? .noMoreEntries : .invalidHandle)
    }

    /// LsarEnumerateAccountRights, [MS-LSAD] 3.1.4.5.10: an account without rights does not exist in this database.
    static func enumerateRights(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .policy
        _ = try call.reader.sid()
        call.writer.structure { writer in
            writer.number(0 as UInt32)
            writer.pointer(nil)
        }
        call.finish(status: isOpen ? .objectNameNotFound : .invalidHandle)
    }

    /// LsarOpenAccount, [MS-LSAD] 3.1.4.5.3: its rights are looked at by administrators.
    static func openAccount(_ call: inout RPCCall) throws(RPCFault) {
        let isOpen = try call.readHandle() == .policy
        _ = try call.reader.sid()
        _ = try call.reader.number(UInt32.self)
        call.writer.handle(.null)
        guard isOpen else { return call.finish(status: .invalidHandle) }
        call.finish(status: call.caller.isAdministrator ? .objectNameNotFound : .accessDenied)
    }
}
