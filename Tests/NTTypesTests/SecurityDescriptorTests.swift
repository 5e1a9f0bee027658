import NTTypes
import Testing

@Suite("SIDs [MS-DTYP] 2.4.2") struct SecurityIdentifierTests {
    @Test func textAndBytes() throws {
        let alice = SecurityIdentifier(5, 21, 1, 2, 3, 1001)
        #expect(alice.description == "S-1-5-21-1-2-3-1001")
        #expect(SecurityIdentifier("S-1-5-21-1-2-3-1001") == alice)
        #expect(SecurityIdentifier(alice.bytes[...]) == alice)
        #expect(alice.relativeIdentifier == 1001)
        #expect(alice.domain == SecurityIdentifier(5, 21, 1, 2, 3))
        #expect(SecurityIdentifier.everyone.bytes == [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
        for text in ["", "S-1", "S-2-5-1", "S-1-5-x", "S-1-5-4294967296", "S-1-281474976710656-1", "S-1-5--1"] {
            #expect(SecurityIdentifier(text) == nil, "\(text)")
        }
        for count in 0..<alice.bytes.count { #expect(SecurityIdentifier(alice.bytes[..<count]) == nil) }
        #expect(SecurityIdentifier([1, 16] + [UInt8](repeating: 0, count: 80)[...]) == nil)
    }

    @Test func usersAndGroupsMapBothWays() throws {
        let domain = SecurityIdentifier(5, 21, 7, 8, 9)
        let mapping = IdentifierMapping(domain: domain)
        for unix in [UnixIdentifier.user(0), .user(30_001), .group(0), .group(100), .user(2_000_000_000)] {
            let all = mapping.identifiers(of: unix)
            #expect(all.count == 2)
            for identifier in all { #expect(mapping.unixIdentifier(of: identifier) == unix) }
        }
        #expect(mapping.inDomain(.user(30_001)) == domain.appending(61_002))
        #expect(mapping.inDomain(.group(100)) == domain.appending(1201))
        // No room in the domain; Administrator; somebody else's domain; nobody of Linux.
        #expect(mapping.inDomain(.user(.max)) == nil)
        #expect(mapping.identifiers(of: .user(.max)) == [.user(.max)])
        for other in [domain.appending(500), SecurityIdentifier(5, 21, 7, 8, 10, 1000), .everyone, .administrators] {
            #expect(other.flatMap(mapping.unixIdentifier) == nil)
        }
        #expect(IdentifierMapping().unixIdentifier(of: SecurityIdentifier(5, 21, 7, 8, 9, 1000)) == nil)
    }
}

@Suite("Security descriptors [MS-DTYP] 2.4.6") struct SecurityDescriptorTests {
    /// Owner S-1-1-0 at 20, group S-1-5-18 at 32, an empty protected DACL at 44.
    private let bytes: [UInt8] =
        [1, 0, 0x04, 0x90, 20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0]
        + [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0] + [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0] + [2, 0, 8, 0, 0, 0, 0, 0]

    @Test func selectsPartsWithTheirControlBits() throws {
        let descriptor = try SecurityDescriptor(bytes[...])
        let owner = descriptor.selecting(.owner).encoded()
        #expect(owner.count == 32)
        #expect(owner[...].littleEndian16(2) == 0x8000)
        #expect(owner[...].littleEndian32(4) == 20)
        let dacl = descriptor.selecting(.dacl).encoded()
        #expect(dacl.count == 28)
        #expect(dacl[...].littleEndian16(2) == 0x9004)
        #expect(dacl[...].littleEndian32(16) == 20)
        #expect(descriptor.selecting([.owner, .group, .dacl]).encoded() == bytes)
        #expect(try SecurityDescriptor(descriptor.encoded(base: 160)[...], base: 160) == descriptor)
    }

    @Test("every strict prefix is rejected", arguments: 0..<52)
    func rejectsTruncation(byteCount: Int) {
        #expect(throws: NTStatus.self) { try SecurityDescriptor(bytes.prefix(byteCount)) }
    }

    @Test func entriesMustFillNoMoreThanTheirList() {
        var broken = bytes
        broken[48] = 1
        #expect(throws: NTStatus.invalidACL) { try SecurityDescriptor(broken[...]) }
    }

    @Test func entryOfFourBytesIsRefused() {
        // CVE-2026-31712: an entry that is its header and nothing else.
        var broken = Array(bytes[..<44]) + [2, 0, 12, 0, 1, 0, 0, 0] + [0, 0, 4, 0]
        #expect(throws: NTStatus.invalidACL) { try SecurityDescriptor(broken[...]) }
        // An entry that ends before its SID does.
        broken = Array(bytes[..<44]) + [2, 0, 24, 0, 1, 0, 0, 0] + [0, 0, 16, 0, 1, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 5]
        #expect(throws: NTStatus.invalidACL) { try SecurityDescriptor(broken[...]) }
        // An entry that would not move on.
        broken = Array(bytes[..<44]) + [2, 0, 16, 0, 1, 0, 0, 0] + [0, 0, 0, 0, 1, 0, 0, 0]
        #expect(throws: NTStatus.invalidACL) { try SecurityDescriptor(broken[...]) }
    }

    @Test func sixtyFiveThousandEntriesAreRefused() {
        // CVE-2026-31706: a count that the bytes do not bear out, in a list as large as can be.
        var list: [UInt8] = [2, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]
        while list.count < 65_528 { list += [0, 0, 20, 0, 1, 0, 0, 0] + SecurityIdentifier.everyone.bytes }
        list += [UInt8](repeating: 0, count: max(0, 65_535 - list.count))
        #expect(throws: NTStatus.invalidACL) { try AccessControlList(list[..<65_535]) }
        #expect(throws: NTStatus.self) { try SecurityDescriptor((Array(bytes[..<44]) + list)[...]) }
    }

    @Test("offsets outside are refused", arguments: [4, 8, 12, 16], [1, 19, 52, 0x7FFF_FFFF, 0xFFFF_FFFF] as [UInt32])
    func offsets(field: Int, offset: UInt32) {
        var broken = bytes
        broken[2] |= 0x10
        for index in 0..<4 { broken[field + index] = UInt8(truncatingIfNeeded: offset >> (8 * UInt32(index))) }
        #expect(throws: NTStatus.self) { try SecurityDescriptor(broken[...]) }
        #expect(throws: NTStatus.self) { try SecurityDescriptor(broken[...], base: 160) }
    }

    @Test func mutationsNeverCrash() {
        var random = SystemRandomNumberGenerator()
        var descriptor = SecurityDescriptor()
        descriptor.control = .daclPresent
        descriptor.owner = .user(1)
        descriptor.discretionaryList = AccessControlList(
            allowing: [(.everyone, .readData, [.objectInherit]), (.creatorOwner, .readData, [.containerInherit])])
        let good = descriptor.encoded()
        for count in 0..<good.count { _ = try? SecurityDescriptor(good[..<count]) }
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0..<3 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255) }
            guard var changed = try? SecurityDescriptor(bytes[...]) else { continue }
            _ = changed.rights(of: [.everyone])
            _ = try? changed.discretionaryList?.inherited(
                isDirectory: true, owner: .everyone, group: .everyone, isAutomatic: true)
            changed.take([.dacl, .owner], from: changed)
            #expect((try? SecurityDescriptor(changed.encoded()[...])) != nil)
        }
    }
}

@Suite("Access check and inheritance [MS-DTYP] 2.5.3") struct AccessControlListTests {
    private let me = SecurityIdentifier.user(7)

    private func list(_ entries: [(type: UInt8, SecurityIdentifier, AccessMask)]) throws -> AccessControlList {
        var bytes = AccessControlList(allowing: entries.map { ($0.1, $0.2, []) }).bytes
        var offset = 8
        for entry in entries {
            bytes[offset] = entry.type
            offset += Int(bytes[offset + 2])
        }
        return try AccessControlList(bytes[...])
    }

    @Test func firstEntryThatSpeaksOfARightDecides() throws {
        let deny = try list([(1, me, .writeData), (0, .everyone, [.readData, .writeData])])
        #expect(deny.rights(of: [me, .everyone], isOwner: false) == .readData)
        #expect(deny.rights(of: [.everyone], isOwner: false) == [.readData, .writeData])
        let late = try list([(0, .everyone, [.readData, .writeData]), (1, me, .writeData)])
        #expect(late.rights(of: [me, .everyone], isOwner: false) == [.readData, .writeData])
    }

    @Test func rightsOfSeveralEntriesAddUp() throws {
        let both = try list([(0, me, .readData), (0, .group(1), .writeData)])
        #expect(both.rights(of: [me, .group(1)], isOwner: false) == [.readData, .writeData])
    }

    @Test func ownerMayChangeTheListUnlessItSaysOtherwise() throws {
        #expect(try list([]).rights(of: [me], isOwner: true) == [.readControl, .writeDAC])
        #expect(try list([(0, .ownerRights, .readControl)]).rights(of: [me], isOwner: true) == .readControl)
        #expect(try list([(0, .ownerRights, .readControl)]).rights(of: [me], isOwner: false) == [])
        #expect(try list([(1, .ownerRights, .writeDAC)]).rights(of: [me], isOwner: true) == [])
    }

    @Test func conditionsThatNobodyEvaluatesOnlyDeny() throws {
        #expect(try list([(9, me, .readData)]).rights(of: [me], isOwner: false) == [])
        #expect(try list([(0xA, me, .readData), (0, me, .readData)]).rights(of: [me], isOwner: false) == [])
    }

    @Test func contradictions() throws {
        #expect(try list([(0, .everyone, .readData), (1, .everyone, .readData)]).contradictsItself)
        #expect(try !list([(0, .everyone, .readData), (1, me, .readData)]).contradictsItself)
        #expect(try !list([(0, me, .readData), (1, me, .readData)]).contradictsItself)
        #expect(try !list([(1, .everyone, .readData), (0, .everyone, .readData)]).contradictsItself)
        #expect(try !list([(0, .everyone, .readData), (1, .everyone, .writeData)]).contradictsItself)
    }

    @Test func folderHandsItsListOn() throws {
        // Files only; folders only, once; both; none; the owner.
        let folder = AccessControlList(allowing: [
            (.everyone, AccessMask(rawValue: 1), .objectInherit),
            (.network, AccessMask(rawValue: 2), [.containerInherit, .noPropagateInherit]),
            (.authenticatedUsers, AccessMask(rawValue: 3), [.objectInherit, .containerInherit]),
            (.everyone, AccessMask(rawValue: 4), []),
            (.creatorOwner, .genericAll, [.objectInherit, .containerInherit, .inheritOnly]),
        ])
        func summary(_ isDirectory: Bool) throws -> [String] {
            let list = try folder.inherited(isDirectory: isDirectory, owner: me, group: .group(8), isAutomatic: false)
            return try #require(list).map { "\($0.flags.rawValue) \(String($0.mask.rawValue, radix: 16))" }
        }
        #expect(try summary(false) == ["0 1", "0 3", "0 1f01ff"])
        #expect(try summary(true) == ["9 1", "0 2", "3 3", "0 1f01ff", "11 10000000"])
        let nothing = AccessControlList(allowing: [(.everyone, .readData, [])])
        #expect(try nothing.inherited(isDirectory: false, owner: me, group: me, isAutomatic: true) == nil)
    }

    @Test func whatDoesNotFitIsNotHandedOnInPart() {
        // Each entry becomes two in a folder; 2,000 of 20 bytes fit once.
        let entries = (0..<2_000).map { _ in
            (SecurityIdentifier.creatorOwner, AccessMask.readData, AccessControlEntry.Flags([.containerInherit]))
        }
        let full = AccessControlList(allowing: entries)
        #expect(throws: NTStatus.invalidACL) {
            try full.inherited(isDirectory: true, owner: me, group: me, isAutomatic: false)
        }
    }
}
