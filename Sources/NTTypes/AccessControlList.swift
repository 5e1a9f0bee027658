/// One entry of an access control list, [MS-DTYP] 2.4.4: a view of its bytes.
public struct AccessControlEntry: Sendable {
    /// ACE_HEADER's AceType, [MS-DTYP] 2.4.4.1; those that this server judges by.
    public enum Kind: Equatable, Sendable { case allowed, denied, other }

    /// ACE_HEADER's AceFlags, [MS-DTYP] 2.4.4.1.
    public struct Flags: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static var objectInherit: Self { .init(rawValue: 0x1) }
        public static var containerInherit: Self { .init(rawValue: 0x2) }
        public static var noPropagateInherit: Self { .init(rawValue: 0x4) }
        public static var inheritOnly: Self { .init(rawValue: 0x8) }
        public static var inherited: Self { .init(rawValue: 0x10) }
    }

    /// Whole, of at least 8 bytes; where `hasIdentifier`, with a whole SID behind the mask.
    public let bytes: ArraySlice<UInt8>

    public var type: UInt8 { bytes[bytes.startIndex] }
    public var flags: Flags { Flags(rawValue: bytes[bytes.startIndex + 1]) }
    public var mask: AccessMask { AccessMask(rawValue: bytes.littleEndian32(4)) }

    /// A condition that nobody evaluates allows nothing and denies all, [MS-DTYP] 2.4.4.17: its outcome is unknown.
    public var kind: Kind {
        switch type {
        case 0x0: .allowed
        case 0x1, 0xA: .denied
        default: .other
        }
    }

    /// Types whose mask is followed by a SID: allowed, denied, audit and alarm, those with conditions, and the label,
    /// resource attribute and policy that belong into a SACL.
    static func hasIdentifier(_ type: UInt8) -> Bool {
        switch type {
        case 0x0...0x3, 0x9, 0xA, 0xD, 0xE, 0x11...0x13: true
        default: false
        }
    }

    /// Whom it is about; nil for types that keep it elsewhere.
    public var identifier: SecurityIdentifier? {
        Self.hasIdentifier(type) ? SecurityIdentifier(bytes.dropFirst(8)) : nil
    }

    /// The same bytes with other flags and another mask.
    func with(flags: Flags, mask: AccessMask) -> [UInt8] {
        var new = Array(bytes)
        new[1] = flags.rawValue
        for index in 0..<4 { new[4 + index] = UInt8(truncatingIfNeeded: mask.rawValue >> (8 * index)) }
        return new
    }

    /// An entry of type `type` in binary form.
    static func encode(
        type: UInt8, flags: Flags, mask: AccessMask, _ identifier: SecurityIdentifier
    ) -> [UInt8] {
        var new: [UInt8] = [type, flags.rawValue]
        new.append(littleEndian: UInt16(8 + identifier.bytes.count))
        new.append(littleEndian: mask.rawValue)
        return new + identifier.bytes
    }
}

/// A DACL or SACL, [MS-DTYP] 2.4.5, in binary form. Its entries are whole; nothing else is known of them.
public struct AccessControlList: Equatable, Sendable, Sequence {
    public let bytes: [UInt8]

    /// - Parameter bytes: may go on behind the list.
    /// - Throws: invalidACL where header, size, or the size of an entry or of its SID is not what the others say.
    public init(_ bytes: ArraySlice<UInt8>) throws(NTStatus) {
        guard bytes.count >= 8, (2...4).contains(bytes[bytes.startIndex]) else { throw .invalidACL }
        let size = Int(bytes.littleEndian16(2))
        guard size >= 8, size <= bytes.count else { throw .invalidACL }
        let list = bytes.prefix(size)
        var rest = list.dropFirst(8)
        for _ in 0..<list.littleEndian16(4) {
            guard rest.count >= 8 else { throw .invalidACL }
            let entry = rest.prefix(Int(rest.littleEndian16(2)))
            // Each entry moves on by 8 at least, so that a count of 65,535 ends with the bytes.
            guard entry.count >= 8, entry.count == Int(rest.littleEndian16(2)) else { throw .invalidACL }
            if AccessControlEntry.hasIdentifier(entry[entry.startIndex]) {
                guard SecurityIdentifier(entry.dropFirst(8)) != nil else { throw .invalidACL }
            }
            rest = rest.dropFirst(entry.count)
        }
        self.bytes = Array(list)
    }

    /// - Throws: invalidACL if they are more than a list can hold.
    init(revision: UInt8, entries: [[UInt8]]) throws(NTStatus) {
        guard let size = UInt16(exactly: entries.reduce(8) { $0 + $1.count }) else { throw .invalidACL }
        var bytes: [UInt8] = [revision, 0]
        bytes.append(littleEndian: size)
        bytes.append(littleEndian: UInt16(entries.count))
        bytes += [0, 0]
        self.bytes = bytes + entries.joined()
    }

    /// One access-allowed entry, [MS-DTYP] 2.4.4.2, for each; at most 500.
    public init(allowing entries: [(SecurityIdentifier, AccessMask, AccessControlEntry.Flags)]) {
        var bytes: [UInt8] = [2, 0]
        let body = entries.flatMap { AccessControlEntry.encode(type: 0, flags: $0.2, mask: $0.1, $0.0) }
        bytes.append(littleEndian: UInt16(8 + body.count))
        bytes.append(littleEndian: UInt16(entries.count))
        bytes += [0, 0]
        self.bytes = bytes + body
    }

    public var count: Int { Int(bytes[...].littleEndian16(4)) }
    public var underestimatedCount: Int { count }

    public func makeIterator() -> Iterator { Iterator(rest: bytes.dropFirst(8), count: count) }

    public struct Iterator: IteratorProtocol {
        var rest: ArraySlice<UInt8>
        var count: Int
        public mutating func next() -> AccessControlEntry? {
            guard count > 0 else { return nil }
            count -= 1
            let entry = rest.prefix(Int(rest.littleEndian16(2)))
            rest = rest.dropFirst(entry.count)
            return AccessControlEntry(bytes: entry)
        }
    }
}

extension AccessControlList {
    /// What the list gives to somebody, [MS-DTYP] 2.5.3.2: entries in order, the first that speaks of a right decides.
    /// - Parameters:
    ///   - identifiers: all SIDs of that somebody.
    ///   - isOwner: whether the file's owner is among them. An owner may always see and change the list, unless the
    ///     list has a word for owners (S-1-3-4).
    ///   - denying: told of each entry that takes rights away which none before it has given: where it stands, from 0.
    public func rights(
        of identifiers: Set<SecurityIdentifier>, isOwner: Bool,
        denying: (_ index: Int, AccessMask) -> Void = { _, _ in }
    ) -> AccessMask {
        var granted: AccessMask = []
        var denied: AccessMask = []
        var namesOwner = false
        var index = -1
        for entry in self {
            index += 1
            guard !entry.flags.contains(.inheritOnly), entry.kind != .other, let identifier = entry.identifier else {
                continue
            }
            let isForOwner = identifier == .ownerRights
            if isForOwner { namesOwner = true }
            guard isForOwner ? isOwner : identifiers.contains(identifier) else { continue }
            let mask = entry.mask.expandingGenericRights
            if entry.kind == .allowed {
                granted.formUnion(mask.subtracting(denied))
            } else {
                denying(index, mask.subtracting(granted).subtracting(denied))
                denied.formUnion(mask.subtracting(granted))
            }
        }
        if isOwner, !namesOwner { granted.formUnion([.readControl, .writeDAC]) }
        return granted
    }

    /// The list with another SID in the place of one; as it is, should that not fit.
    func replacing(_ old: SecurityIdentifier, with new: SecurityIdentifier) -> AccessControlList {
        let entries = map { entry in
            guard entry.identifier == old else { return Array(entry.bytes) }
            let rest = entry.bytes.dropFirst(8 + old.bytes.count)
            var changed = Array(entry.bytes.prefix(8)) + new.bytes + rest
            changed[2] = UInt8(truncatingIfNeeded: changed.count)
            changed[3] = UInt8(truncatingIfNeeded: changed.count >> 8)
            return changed
        }
        return (try? AccessControlList(revision: bytes[0], entries: entries)) ?? self
    }

    /// The list as a file keeps it: rights that apply to the file itself are a file's own, not generic ones.
    /// [MS-DTYP] 2.5.3.4.
    func mappingGenericRights() -> AccessControlList {
        var new = Array(bytes[..<8])
        for entry in self {
            let isForThis = !entry.flags.contains(.inheritOnly) && AccessControlEntry.hasIdentifier(entry.type)
            new +=
                isForThis ? entry.with(flags: entry.flags, mask: entry.mask.expandingGenericRights) : Array(entry.bytes)
        }
        // What may lie between the last entry and the end of the list is left out.
        new[2] = UInt8(truncatingIfNeeded: new.count)
        new[3] = UInt8(truncatingIfNeeded: new.count >> 8)
        return (try? AccessControlList(new[...])) ?? self
    }

    /// Whether an entry takes away from everybody what an earlier one has given to everybody: it says nothing then.
    public var contradictsItself: Bool {
        var given: AccessMask = []
        for entry in self where !entry.flags.contains(.inheritOnly) && entry.identifier == .everyone {
            let mask = entry.mask.expandingGenericRights
            switch entry.kind {
            case .allowed: given.formUnion(mask)
            case .denied: if !given.isDisjoint(with: mask) { return true }
            case .other: continue
            }
        }
        return false
    }

    /// Whether something new in this folder gets anything from it.
    public func hasInheritable(isDirectory: Bool) -> Bool {
        contains {
            !$0.flags.isDisjoint(with: isDirectory ? [.containerInherit, .objectInherit] : .objectInherit)
        }
    }

    /// What something new in this folder gets from it, [MS-DTYP] 2.5.3.4: each entry that inherits, for the new thing
    /// itself, for what will be in it, or in two entries for both where "the creator" or generic rights mean different
    /// things there.
    /// - Parameters:
    ///   - owner, group: in place of CREATOR OWNER and CREATOR GROUP.
    ///   - isAutomatic: the new entries are marked as inherited.
    /// - Returns: nil where the folder has nothing to hand on.
    /// - Throws: invalidACL if there is no room for all.
    public func inherited(
        isDirectory: Bool, owner: SecurityIdentifier, group: SecurityIdentifier, isAutomatic: Bool
    ) throws(NTStatus) -> AccessControlList? {
        let mark: AccessControlEntry.Flags = isAutomatic ? .inherited : []
        var entries: [[UInt8]] = []
        for entry in self {
            guard let identifier = entry.identifier else { continue }
            let flags = entry.flags
            let real = identifier == .creatorOwner ? owner : identifier == .creatorGroup ? group : identifier
            let isForThis = flags.contains(isDirectory ? .containerInherit : .objectInherit)
            let propagates = isDirectory && !flags.contains(.noPropagateInherit)
            let onward = propagates ? flags.intersection([.objectInherit, .containerInherit]) : []
            let mask = entry.mask.expandingGenericRights
            if isForThis, real == identifier {
                entries.append(entry.with(flags: onward.union(mark), mask: mask))
                continue
            }
            if isForThis {
                entries.append(AccessControlEntry.encode(type: entry.type, flags: mark, mask: mask, real))
            }
            if !onward.isEmpty {
                entries.append(entry.with(flags: onward.union(mark).union(.inheritOnly), mask: entry.mask))
            }
        }
        return entries.isEmpty ? nil : try AccessControlList(revision: bytes[0], entries: entries)
    }
}
