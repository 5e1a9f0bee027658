import NTTypes

/// LsarLookupNames in its versions, [MS-LSAT] 3.1.4.5 to 3.1.4.8.
struct NameLookup {
    /// The last two of the versions give whole SIDs, the others a relative one in one of the domains.
    var givesWholeSIDs: Bool
    var hasFlags: Bool
    /// The last one comes without a handle. It is for members of a domain over a secure channel of NETLOGON, which
    /// there is none of over a pipe: [MS-LSAT] 3.1.4.5 refuses it.
    var hasHandle: Bool

    init(operation: UInt16) {
        givesWholeSIDs = operation == 68 || operation == 77
        hasFlags = operation != 14
        hasHandle = operation != 77
    }
}

/// LsarLookupSids in its versions, [MS-LSAT] 3.1.4.9 to 3.1.4.11.
struct SIDLookup {
    var hasFlags: Bool
    /// As of the names' last version.
    var hasHandle: Bool

    init(operation: UInt16) {
        hasFlags = operation != 15
        hasHandle = operation != 76
    }
}

/// LSAP_LOOKUP_LEVEL, [MS-LSAT] 2.2.16: where to look.
private struct LookupLevel {
    let number: UInt16
    var exists: Bool { (1...7).contains(number) }
    /// The first three take in a server's own accounts. The others are for the domains of a forest; here is none.
    var isHere: Bool { (1...3).contains(number) }
}

/// LSAPR_REFERENCED_DOMAIN_LIST, [MS-LSAT] 2.2.12: the domains of the answers, each once.
private struct ReferencedDomains {
    private(set) var domains: [(name: String, sid: SID)] = []

    /// - Returns: where the account's domain stands in the list.
    mutating func index(of account: AccountDescription) -> UInt32 {
        let sid = account.domainSID
        if let index = domains.firstIndex(where: { $0.sid == sid }) { return UInt32(index) }
        domains.append((account.domain, sid))
        return UInt32(domains.count - 1)
    }

    func write(into writer: inout NDRWriter) {
        let domains = domains
        writer.parameter { writer in
            writer.pointer { writer in
                writer.structure { writer in
                    writer.number(UInt32(domains.count))
                    writer.pointer(
                        domains.isEmpty
                            ? nil
                            : { writer in
                                writer.array(domains) { writer, domain in
                                    writer.structure { writer in
                                        writer.unicodeString(domain.name, isTerminated: true)
                                        writer.sidPointer(domain.sid)
                                    }
                                }
                            })
                    // MaxEntries is ignored; this is what Windows says.
                    writer.number(32 as UInt32)
                }
            }
        }
    }
}

extension LocalSecurityAuthority {
    static func lookUpNames(_ call: inout RPCCall, _ lookup: NameLookup) throws(RPCFault) {
        let isOpen = lookup.hasHandle ? try call.readHandle() == .policy : false
        let announced = try call.reader.number(UInt32.self)
        let count = try call.reader.elementCount()
        guard count == Int(announced), count <= 1000 else { throw .badStubData }
        var headers: [NDRReader.UnicodeStringHeader] = []
        for _ in 0..<count { headers.append(try call.reader.unicodeStringHeader()) }
        var names: [String] = []
        for header in headers { names.append(try call.reader.text(of: header)) }
        let level = try call.reader.lookupLevel()
        var domains = ReferencedDomains()
        let found = isOpen ? names.map { level.isHere ? call.resolve($0) : nil } : []
        let answers = found.map { account in (account, account.map { domains.index(of: $0) } ?? .max) }
        domains.write(into: &call.writer)
        call.writer.parameter { writer in
            writer.structure { writer in
                writer.number(UInt32(answers.count))
                writer.pointer(
                    answers.isEmpty
                        ? nil : { $0.array(answers) { write($1.0, domain: $1.1, lookup, into: &$0) } })
            }
        }
        finish(
            &call, mapped: answers.count { $0.0 != nil }, of: answers.count,
            isOpen ? nil : lookup.hasHandle ? .invalidHandle : .accessDenied)
    }

    /// LSA_TRANSLATED_SID, LSAPR_TRANSLATED_SID_EX and _EX2, [MS-LSAT] 2.2.15, 2.2.25 and 2.2.26.
    private static func write(
        _ account: AccountDescription?, domain: UInt32, _ lookup: NameLookup, into writer: inout NDRWriter
    ) {
        let kind = (account?.kind ?? .unknown).rawValue
        if lookup.givesWholeSIDs {
            writer.structure { writer in
                writer.enumeration(kind)
                writer.sidPointer(account?.sid)
                writer.numbers(domain, 0)
            }
            return
        }
        writer.align(4)
        writer.enumeration(kind)
        // A domain has no relative SID in itself.
        let relativeID = account.flatMap { $0.kind == .domain ? nil : $0.sid.relativeID }
        writer.numbers(account == nil ? 0 : relativeID ?? .max, domain)
        if lookup.hasFlags { writer.number(0 as UInt32) }
    }

    static func lookUpSIDs(_ call: inout RPCCall, _ lookup: SIDLookup) throws(RPCFault) {
        let isOpen = lookup.hasHandle ? try call.readHandle() == .policy : false
        let sids = try call.reader.sidArray()
        let level = try call.reader.lookupLevel()
        var domains = ReferencedDomains()
        let found = isOpen && level.exists ? sids.map { ($0, level.isHere ? call.resolve($0) : nil) } : []
        let answers = found.map { sid, account in (sid, account, account.map { domains.index(of: $0) } ?? .max) }
        domains.write(into: &call.writer)
        call.writer.parameter { writer in
            writer.structure { writer in
                writer.number(UInt32(answers.count))
                writer.pointer(
                    answers.isEmpty
                        ? nil
                        : { writer in
                            writer.array(answers) { writer, answer in
                                writer.structure { writer in
                                    writer.enumeration((answer.1?.kind ?? .unknown).rawValue)
                                    // [MS-LSAT] 3.1.4.9: what has no name is named by itself.
                                    writer.unicodeString(answer.1?.name ?? answer.0.description)
                                    writer.number(answer.2)
                                    if lookup.hasFlags { writer.number(0 as UInt32) }
                                }
                            }
                        })
            }
        }
        let refusal: NTStatus? = isOpen ? nil : lookup.hasHandle ? .invalidHandle : .accessDenied
        finish(
            &call, mapped: answers.count { $0.1 != nil }, of: answers.count,
            refusal ?? (level.exists ? nil : .invalidParameter))
    }

    /// MappedCount and the result, [MS-LSAT] 3.1.4.5.
    private static func finish(_ call: inout RPCCall, mapped: Int, of count: Int, _ refusal: NTStatus?) {
        call.writer.number(UInt32(mapped))
        if let refusal { return call.finish(status: refusal) }
        call.finish(status: mapped == count ? .success : mapped == 0 ? .notMapped : .someNotMapped)
    }
}

extension NDRReader {
    /// The level, and before it the answers: none yet, since they are the server's to fill.
    fileprivate mutating func lookupLevel() throws(RPCFault) -> LookupLevel {
        try alignToWord()
        guard try number(UInt32.self) == 0 else { throw .badStubData }
        if try pointer(), try count() != 0 { throw .badStubData }
        return LookupLevel(number: try enumeration())
    }

    /// LSAPR_SID_ENUM_BUFFER, [MS-LSAT] 2.2.18.
    mutating func sidArray() throws(RPCFault) -> [SID] {
        try alignToWord()
        let announced = try number(UInt32.self)
        guard try pointer() else {
            guard announced == 0 else { throw .badStubData }
            return []
        }
        let count = try elementCount()
        guard count == Int(announced) else { throw .badStubData }
        for _ in 0..<count {
            guard try pointer() else { throw .badStubData }
        }
        var sids: [SID] = []
        for _ in 0..<count { sids.append(try sid()) }
        return sids
    }
}
