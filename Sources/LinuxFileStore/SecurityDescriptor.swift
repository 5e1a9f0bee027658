import Glibc
import NTTypes

/// A SID in its binary form, [MS-DTYP] 2.4.2.2.
struct SecurityIdentifier: Hashable {
    let bytes: [UInt8]

    init(authority: UInt8, _ subauthorities: UInt32...) {
        var bytes: [UInt8] = [1, UInt8(subauthorities.count), 0, 0, 0, 0, 0, authority]
        for subauthority in subauthorities { bytes.append(littleEndian: subauthority) }
        self.bytes = bytes
    }

    /// - Returns: nil if there is no whole SID at `offset`.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= 8, bytes[bytes.startIndex] == 1, bytes[bytes.startIndex + 1] <= 15 else { return nil }
        let count = 8 + 4 * Int(bytes[bytes.startIndex + 1])
        guard bytes.count >= count else { return nil }
        self.bytes = Array(bytes.prefix(count))
    }

    /// Samba's for Linux users and groups that have no other.
    static func user(_ number: UInt32) -> Self { Self(authority: 22, 1, number) }
    static func group(_ number: UInt32) -> Self { Self(authority: 22, 2, number) }
    // Well-known ones, [MS-DTYP] 2.4.2.4.
    static let everyone = Self(authority: 1, 0)
    static let network = Self(authority: 5, 2)
    static let authenticatedUsers = Self(authority: 5, 11)
    static let creatorOwner = Self(authority: 3, 0)
    static let creatorGroup = Self(authority: 3, 1)
    static let ownerRights = Self(authority: 3, 4)
}

/// A security descriptor, [MS-DTYP] 2.4.6, in its parts.
struct SecurityDescriptor {
    /// Without SE_SELF_RELATIVE.
    var control: UInt16 = 0
    var owner: SecurityIdentifier?
    var group: SecurityIdentifier?
    /// Whole lists in binary form, [MS-DTYP] 2.4.5; nil with the control bit set is a NULL list.
    var systemList: [UInt8]?
    var discretionaryList: [UInt8]?

    static var discretionaryListPresent: UInt16 { 0x4 }
    static var systemListPresent: UInt16 { 0x10 }
    private static var selfRelative: UInt16 { 0x8000 }
    /// Control bits that go with the DACL: present, defaulted, inheritance required and done, protected.
    private static var discretionaryBits: UInt16 { 0x4 | 0x8 | 0x100 | 0x400 | 0x1000 }
    private static var systemBits: UInt16 { 0x10 | 0x20 | 0x200 | 0x800 | 0x2000 }
    /// More than any client sends.
    static var byteCountMax: Int { 65_536 }

    init() {}

    /// - Parameter base: what offsets count from lies so many bytes before the descriptor.
    /// - Throws: invalidSecurityDescriptor if an offset leads out, invalidACL if a list's entries are not whole.
    init(_ bytes: ArraySlice<UInt8>, base: Int = 0) throws(NTStatus) {
        guard bytes.count >= 20, bytes.count <= Self.byteCountMax, bytes[bytes.startIndex] == 1 else {
            throw .invalidSecurityDescriptor
        }
        func offset(_ at: Int) -> Int { Int(bytes.littleEndian32(at)) }
        func part(_ offset: Int) throws(NTStatus) -> ArraySlice<UInt8> {
            let offset = offset - base
            guard offset >= 20, offset < bytes.count else { throw .invalidSecurityDescriptor }
            return bytes.dropFirst(offset)
        }
        control = bytes.littleEndian16(2) & ~Self.selfRelative
        if offset(4) != 0 {
            guard let owner = SecurityIdentifier(try part(offset(4))) else { throw .invalidSecurityDescriptor }
            self.owner = owner
        }
        if offset(8) != 0 {
            guard let group = SecurityIdentifier(try part(offset(8))) else { throw .invalidSecurityDescriptor }
            self.group = group
        }
        if control & Self.systemListPresent != 0, offset(12) != 0 {
            systemList = try Self.list(try part(offset(12)))
        }
        if control & Self.discretionaryListPresent != 0, offset(16) != 0 {
            discretionaryList = try Self.list(try part(offset(16)))
        }
    }

    private static func list(_ bytes: ArraySlice<UInt8>) throws(NTStatus) -> [UInt8] {
        guard bytes.count >= 8 else { throw .invalidACL }
        let size = Int(bytes.littleEndian16(2))
        guard size >= 8, size <= bytes.count else { throw .invalidACL }
        let list = bytes.prefix(size)
        var rest = list.dropFirst(8)
        for _ in 0..<list.littleEndian16(4) {
            guard rest.count >= 4 else { throw .invalidACL }
            let entry = Int(rest.littleEndian16(2))
            guard entry >= 4, entry <= rest.count else { throw .invalidACL }
            rest = rest.dropFirst(entry)
        }
        return Array(list)
    }

    /// Self-relative: header, owner, group, SACL, DACL.
    var encoded: [UInt8] { encoded(base: 0) }

    /// - Parameter base: what offsets count from lies so many bytes before the descriptor.
    func encoded(base: UInt32) -> [UInt8] {
        var bytes: [UInt8] = [1, 0]
        bytes.append(littleEndian: control | Self.selfRelative)
        var offset = base + 20
        for part in pieces {
            bytes.append(littleEndian: part == nil ? 0 : offset)
            offset += UInt32(part?.count ?? 0)
        }
        for part in pieces { bytes += part ?? [] }
        return bytes
    }
    private var pieces: [[UInt8]?] { [owner?.bytes, group?.bytes, systemList, discretionaryList] }

    /// Takes the named parts (SECURITY_INFORMATION, [MS-DTYP] 2.4.7) from `other`.
    mutating func take(_ parts: UInt32, from other: SecurityDescriptor) {
        if parts & 0x1 != 0, let owner = other.owner { self.owner = owner }
        if parts & 0x2 != 0, let group = other.group { self.group = group }
        if parts & 0x4 != 0 {
            // A descriptor without a list, set as such, is one with a NULL list: everybody may do everything.
            control = control & ~Self.discretionaryBits | other.control & Self.discretionaryBits
            control |= Self.discretionaryListPresent
            discretionaryList = other.discretionaryList
        }
        if parts & 0x8 != 0 {
            control = control & ~Self.systemBits | other.control & Self.systemBits
            systemList = other.systemList
        }
    }

    // MARK: from and against Linux

    /// One access-allowed entry for each right that a mode gives, [MS-DTYP] 2.4.4.2.
    static func list(_ entries: [(SecurityIdentifier, AccessMask)]) -> [UInt8] {
        var body: [UInt8] = []
        for (identifier, rights) in entries {
            body += [0, 0]
            body.append(littleEndian: UInt16(8 + identifier.bytes.count))
            body.append(littleEndian: rights.rawValue)
            body += identifier.bytes
        }
        var list: [UInt8] = [2, 0]
        list.append(littleEndian: UInt16(8 + body.count))
        list.append(littleEndian: UInt16(entries.count))
        list += [0, 0]
        return list + body
    }

    /// What the DACL gives to somebody with `identifiers`, [MS-DTYP] 2.5.3.2: entries in order, the first that speaks
    /// of a right decides. nil: there is no list, so all is given.
    func rights(of identifiers: Set<SecurityIdentifier>) -> AccessMask? {
        guard let list = discretionaryList?[...] else { return nil }
        let isOwner = owner.map(identifiers.contains) ?? false
        var granted: AccessMask = []
        var denied: AccessMask = []
        var ownerIsNamed = false
        var rest = list.dropFirst(8)
        for _ in 0..<list.littleEndian16(4) {
            let entry = rest.prefix(Int(rest.littleEndian16(2)))
            rest = rest.dropFirst(entry.count)
            let inheritOnly: UInt8 = 0x8
            guard entry.count >= 16, entry[entry.startIndex + 1] & inheritOnly == 0,
                let identifier = SecurityIdentifier(entry.dropFirst(8))
            else { continue }
            let isForOwner = identifier == .ownerRights
            if isForOwner { ownerIsNamed = true }
            guard isForOwner ? isOwner : identifiers.contains(identifier) else { continue }
            let mask = AccessMask(rawValue: entry.littleEndian32(4)).expandingGenericRights
            switch entry[entry.startIndex] {
            case 0: granted.formUnion(mask.subtracting(denied))
            case 1: denied.formUnion(mask.subtracting(granted))
            default: continue
            }
        }
        // An owner may always see and change the list, unless the list has a word for owners.
        if isOwner, !ownerIsNamed { granted.formUnion([.readControl, .writeDAC]) }
        return granted
    }
}

extension SecurityDescriptor {
    /// ACE_HEADER's AceFlags, [MS-DTYP] 2.4.4.1.
    private enum Flags {
        static var objectInherit: UInt8 { 0x1 }
        static var containerInherit: UInt8 { 0x2 }
        static var noPropagate: UInt8 { 0x4 }
        static var inheritOnly: UInt8 { 0x8 }
        static var inherited: UInt8 { 0x10 }
    }

    /// The DACL that something new in this folder gets from it, [MS-DTYP] 2.5.3.4.
    /// - Returns: nil where the folder has nothing to hand on.
    func inheritedList(
        isDirectory: Bool, owner: SecurityIdentifier, group: SecurityIdentifier
    ) -> (control: UInt16, list: [UInt8])? {
        guard let list = discretionaryList?[...] else { return nil }
        let automatic: UInt16 = 0x400
        let mark = control & automatic != 0 ? Flags.inherited : 0
        var entries: [[UInt8]] = []
        var rest = list.dropFirst(8)
        for _ in 0..<list.littleEndian16(4) {
            let entry = Array(rest.prefix(Int(rest.littleEndian16(2))))
            rest = rest.dropFirst(entry.count)
            guard entry.count >= 16, let identifier = SecurityIdentifier(entry[8...]) else { continue }
            let flags = entry[1]
            let real = identifier == .creatorOwner ? owner : identifier == .creatorGroup ? group : identifier
            let isForThis = flags & (isDirectory ? Flags.containerInherit : Flags.objectInherit) != 0
            let propagates = isDirectory && flags & Flags.noPropagate == 0
            let onward = propagates ? flags & (Flags.objectInherit | Flags.containerInherit) : 0
            if isForThis, real == identifier {
                entries.append(Self.entry(entry, flags: onward | mark, identifier))
                continue
            }
            if isForThis { entries.append(Self.entry(entry, flags: mark, real)) }
            if onward != 0 { entries.append(Self.entry(entry, flags: onward | Flags.inheritOnly | mark, identifier)) }
        }
        guard !entries.isEmpty else { return nil }
        var new: [UInt8] = [list.first ?? 2, 0]
        new.append(littleEndian: UInt16(clamping: 8 + entries.reduce(0) { $0 + $1.count }))
        new.append(littleEndian: UInt16(entries.count))
        new += [0, 0]
        return (Self.discretionaryListPresent | control & automatic, new + entries.joined())
    }

    /// The entry with other flags and for somebody else, its generic rights replaced by a file's.
    private static func entry(_ entry: [UInt8], flags: UInt8, _ identifier: SecurityIdentifier) -> [UInt8] {
        let isGeneric = flags & Flags.inheritOnly != 0
        let mask = AccessMask(rawValue: entry[...].littleEndian32(4))
        var new: [UInt8] = [entry[0], flags]
        new.append(littleEndian: UInt16(8 + identifier.bytes.count))
        new.append(littleEndian: (isGeneric ? mask : mask.expandingGenericRights).rawValue)
        return new + identifier.bytes
    }
}

extension [UInt8] {
    mutating func append(littleEndian value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}

extension ArraySlice<UInt8> {
    /// The caller has checked that the bytes are there.
    func littleEndian16(_ offset: Int) -> UInt16 {
        UInt16(self[startIndex + offset]) | UInt16(self[startIndex + offset + 1]) << 8
    }
    func littleEndian32(_ offset: Int) -> UInt32 {
        UInt32(littleEndian16(offset)) | UInt32(littleEndian16(offset + 2)) << 16
    }
}
