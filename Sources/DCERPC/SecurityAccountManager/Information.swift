import NTTypes

/// What is known of a domain, a group or an alias.
extension SecurityAccountManager {
    /// "Never", as times of accounts say it.
    static let never: UInt64 = 0x7FFF_FFFF_FFFF_FFFF

    /// SamrQueryInformationDomain and its second version, [MS-SAMR] 3.1.5.5.1.
    static func queryDomain(_ call: inout RPCCall) throws(RPCFault) {
        let domain = try call.readHandle().domain
        let level = try call.reader.enumeration()
        guard let domain else { return call.finishEmpty(.invalidHandle) }
        guard (1...9).contains(level) || (11...13).contains(level) else { return call.finishEmpty(.invalidInfoClass) }
        let facts = DomainFacts(domain, call.server)
        call.writer.parameter { writer in
            writer.pointer { writer in
                writer.discriminant(level)
                facts.write(level, into: &writer)
            }
        }
        call.finish(status: .success)
    }

    /// SamrQueryInformationGroup, [MS-SAMR] 3.1.5.5.3.
    static func queryGroup(_ call: inout RPCCall) throws(RPCFault) {
        guard case .group(let group) = try call.readHandle() else { return call.finishEmpty(.invalidHandle) }
        let level = try call.reader.enumeration()
        guard (1...5).contains(level) else { return call.finishEmpty(.invalidInfoClass) }
        let memberCount = UInt32(call.server.users().count)
        call.writer.parameter { writer in
            writer.pointer { writer in
                writer.discriminant(level)
                switch level {
                case 2: writer.unicodeString(group.name)
                case 3: writer.number(groupAttributes)
                case 4: writer.unicodeString("Ordinary Users")
                default:
                    writer.structure { writer in
                        writer.unicodeString(group.name)
                        writer.numbers(groupAttributes, memberCount)
                        writer.unicodeString("Ordinary Users")
                    }
                }
            }
        }
        call.finish(status: .success)
    }

    /// SamrGetMembersInGroup, [MS-SAMR] 3.1.5.8.3: of None, which is the only one, all users.
    static func groupMembers(_ call: inout RPCCall) throws(RPCFault) {
        guard case .group = try call.readHandle() else { return call.finishEmpty(.invalidHandle) }
        let members = call.server.users().compactMap(\.sid.relativeID)
        call.writer.parameter { writer in
            writer.pointer { writer in
                writer.structure { writer in
                    writer.number(UInt32(members.count))
                    writer.pointer { $0.array(members) { $0.number($1) } }
                    writer.pointer { $0.array(members) { writer, _ in writer.number(groupAttributes) } }
                }
            }
        }
        call.finish(status: .success)
    }

    /// SamrQueryInformationAlias, [MS-SAMR] 3.1.5.5.4.
    static func queryAlias(_ call: inout RPCCall) throws(RPCFault) {
        guard case .alias(let alias) = try call.readHandle() else { return call.finishEmpty(.invalidHandle) }
        let level = try call.reader.enumeration()
        guard (1...3).contains(level) else { return call.finishEmpty(.invalidInfoClass) }
        call.writer.parameter { writer in
            writer.pointer { writer in
                writer.discriminant(level)
                switch level {
                case 2: writer.unicodeString(alias.name)
                case 3: writer.unicodeString("")
                default:
                    writer.structure { writer in
                        writer.unicodeString(alias.name)
                        writer.number(0 as UInt32)
                        writer.unicodeString("")
                    }
                }
            }
        }
        call.finish(status: .success)
    }

    /// SamrGetMembersInAlias, [MS-SAMR] 3.1.5.8.4: who is in the local groups follows from who somebody is.
    static func aliasMembers(_ call: inout RPCCall) throws(RPCFault) {
        guard case .alias = try call.readHandle() else {
            call.writer.counted([SID]()) { $0.sidPointer($1) }
            return call.finish(status: .invalidHandle)
        }
        call.writer.counted([SID]()) { $0.sidPointer($1) }
        call.finish(status: .success)
    }

    /// SamrGetGroupsForUser, [MS-SAMR] 3.1.5.9.1: None. Linux's groups are not of this domain.
    static func groupsOfUser(_ call: inout RPCCall) throws(RPCFault) {
        guard case .user = try call.readHandle() else { return call.finishEmpty(.invalidHandle) }
        call.writer.parameter { writer in
            writer.pointer { $0.counted([KnownAccounts.noneRelativeID]) { $0.numbers($1, groupAttributes) } }
        }
        call.finish(status: .success)
    }
}

/// SAMPR_DOMAIN_INFO_BUFFER, [MS-SAMR] 2.2.4.
private struct DomainFacts: Sendable {
    let name: String
    let comment: String
    let userCount: UInt32
    let groupCount: UInt32
    let aliasCount: UInt32

    init(_ domain: AccountDescription, _ server: any ServerData) {
        name = domain.name
        comment = server.server.comment
        userCount = UInt32(server.users(in: domain).count)
        groupCount = UInt32(server.groups(in: domain).count)
        aliasCount = UInt32(server.aliases(in: domain).count)
    }

    func write(_ level: UInt16, into writer: inout NDRWriter) {
        switch level {
        // Passwords of any length, no history, never too old nor too young.
        case 1:
            writer.number(0 as UInt16)
            writer.number(0 as UInt16)
            writer.number(0 as UInt32)
            writer.oldLargeInteger(1 << 63)
            writer.oldLargeInteger(0)
        case 2: writer.structure { writeGeneral(into: &$0) }
        case 3: writer.oldLargeInteger(1 << 63)
        case 4: writer.unicodeString(comment)
        case 5: writer.unicodeString(name)
        case 6: writer.unicodeString("")
        // DomainServerRolePrimary.
        case 7: writer.number(3 as UInt32)
        // Nothing is replicated.
        case 8:
            writer.number(0 as UInt64)
            writer.oldLargeInteger(0)
        // DomainServerEnabled.
        case 9: writer.number(1 as UInt32)
        case 11:
            writer.align(8)
            writer.structure { writeGeneral(into: &$0) }
            writeLockout(into: &writer)
        case 12: writeLockout(into: &writer)
        default:
            writer.number(0 as UInt64)
            writer.oldLargeInteger(0)
            writer.number(0 as UInt64)
        }
    }

    private func writeGeneral(into writer: inout NDRWriter) {
        writer.oldLargeInteger(1 << 63)
        writer.unicodeString(comment)
        writer.unicodeString(name)
        writer.unicodeString("")
        writer.oldLargeInteger(0)
        // Enabled, primary, compatible with LAN Manager.
        writer.numbers(1, 3, 1, userCount, groupCount, aliasCount)
    }

    /// Half an hour, after any number of failures: nobody is locked out.
    private func writeLockout(into writer: inout NDRWriter) {
        let halfHour = UInt64(bitPattern: -18_000_000_000)
        writer.number(halfHour)
        writer.number(halfHour)
        writer.number(0 as UInt16)
    }
}
