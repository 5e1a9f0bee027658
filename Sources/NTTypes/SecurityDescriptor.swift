/// SECURITY_INFORMATION, [MS-DTYP] 2.4.7: the parts of a security descriptor.
public struct SecurityParts: OptionSet, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public static var owner: Self { .init(rawValue: 1) }
    @inlinable public static var group: Self { .init(rawValue: 2) }
    @inlinable public static var dacl: Self { .init(rawValue: 4) }
    @inlinable public static var sacl: Self { .init(rawValue: 8) }
    @inlinable public static var label: Self { .init(rawValue: 0x10) }
    @inlinable public static var attribute: Self { .init(rawValue: 0x20) }
    @inlinable public static var scope: Self { .init(rawValue: 0x40) }
    @inlinable public static var backup: Self { .init(rawValue: 0x1_0000) }
}

/// A security descriptor, [MS-DTYP] 2.4.6, in its parts.
public struct SecurityDescriptor: Equatable, Sendable {
    /// SECURITY_DESCRIPTOR's Control.
    public struct Control: OptionSet, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        public static var daclPresent: Self { .init(rawValue: 0x4) }
        public static var daclDefaulted: Self { .init(rawValue: 0x8) }
        public static var saclPresent: Self { .init(rawValue: 0x10) }
        public static var saclDefaulted: Self { .init(rawValue: 0x20) }
        /// Asks, when it is set, for `daclAutoInherited`; never kept.
        public static var daclAutoInheritRequired: Self { .init(rawValue: 0x100) }
        public static var saclAutoInheritRequired: Self { .init(rawValue: 0x200) }
        public static var daclAutoInherited: Self { .init(rawValue: 0x400) }
        public static var saclAutoInherited: Self { .init(rawValue: 0x800) }
        public static var daclProtected: Self { .init(rawValue: 0x1000) }
        public static var saclProtected: Self { .init(rawValue: 0x2000) }
        public static var selfRelative: Self { .init(rawValue: 0x8000) }

        static var dacl: Self {
            [.daclPresent, .daclDefaulted, .daclAutoInheritRequired, .daclAutoInherited, .daclProtected]
        }
        static var sacl: Self {
            [.saclPresent, .saclDefaulted, .saclAutoInheritRequired, .saclAutoInherited, .saclProtected]
        }
    }

    /// Without `selfRelative`.
    public var control: Control = []
    public var owner: SecurityIdentifier?
    public var group: SecurityIdentifier?
    public var systemList: AccessControlList?
    /// nil: everybody may do everything.
    public var discretionaryList: AccessControlList?

    /// More than any client sends, and than an attribute of a file can hold.
    public static var byteCountMax: Int { 65_536 }
    public static var headerByteCount: Int { 20 }

    public init() {}

    /// - Parameters:
    ///   - bytes: self-relative.
    ///   - base: what offsets count from lies so many bytes before the descriptor.
    /// - Throws: invalidSecurityDescriptor if an offset leads out, invalidACL if a list's entries are not whole.
    public init(_ bytes: ArraySlice<UInt8>, base: Int = 0) throws(NTStatus) {
        guard bytes.count >= Self.headerByteCount, bytes.count <= Self.byteCountMax, bytes[bytes.startIndex] == 1 else {
            throw .invalidSecurityDescriptor
        }
        func part(_ field: Int) throws(NTStatus) -> ArraySlice<UInt8>? {
            let offset = Int(bytes.littleEndian32(field))
            guard offset != 0 else { return nil }
            guard offset - base >= Self.headerByteCount, offset - base < bytes.count else {
                throw .invalidSecurityDescriptor
            }
            return bytes.dropFirst(offset - base)
        }
        func identifier(_ field: Int) throws(NTStatus) -> SecurityIdentifier? {
            guard let part = try part(field) else { return nil }
            guard let identifier = SecurityIdentifier(part) else { throw .invalidSecurityDescriptor }
            return identifier
        }
        control = Control(rawValue: bytes.littleEndian16(2)).subtracting(.selfRelative)
        owner = try identifier(4)
        group = try identifier(8)
        if control.contains(.saclPresent), let part = try part(12) { systemList = try AccessControlList(part) }
        if control.contains(.daclPresent), let part = try part(16) { discretionaryList = try AccessControlList(part) }
    }

    /// Self-relative: header, owner, group, SACL, DACL.
    /// - Parameter base: what offsets count from lies so many bytes before the descriptor.
    public func encoded(base: UInt32 = 0) -> [UInt8] {
        let pieces = [owner?.bytes, group?.bytes, systemList?.bytes, discretionaryList?.bytes]
        var bytes: [UInt8] = [1, 0]
        bytes.append(littleEndian: control.union(.selfRelative).rawValue)
        var offset = base + UInt32(Self.headerByteCount)
        for piece in pieces {
            bytes.append(littleEndian: piece == nil ? 0 : offset)
            offset += UInt32(piece?.count ?? 0)
        }
        for piece in pieces { bytes += piece ?? [] }
        return bytes
    }

    /// Which parts it has.
    public var parts: SecurityParts {
        var parts: SecurityParts = []
        if owner != nil { parts.insert(.owner) }
        if group != nil { parts.insert(.group) }
        if control.contains(.daclPresent) { parts.insert(.dacl) }
        if control.contains(.saclPresent) { parts.insert(.sacl) }
        return parts
    }

    /// Takes the named parts from `other`, as a file keeps them.
    public mutating func take(_ parts: SecurityParts, from other: SecurityDescriptor) {
        let all = parts.contains(.backup)
        if parts.contains(.owner) || all, let owner = other.owner { self.owner = owner }
        if parts.contains(.group) || all, let group = other.group { self.group = group }
        if parts.contains(.dacl) || all {
            // A descriptor without a list, set as such, is one with a NULL list: everybody may do everything.
            control = control.subtracting(.dacl).union(other.control.intersection(.dacl)).union(.daclPresent)
            discretionaryList = other.discretionaryList?.mappingGenericRights()
        }
        if parts.contains(.sacl) || all {
            control = control.subtracting(.sacl).union(other.control.intersection(.sacl))
            systemList = other.systemList
        }
    }

    /// "Inherited by itself" is kept only if the client asks for it, [MS-DTYP] 2.4.6 and Windows; the question never
    /// is.
    public mutating func settleAutomaticInheritance() {
        if !control.contains(.daclAutoInheritRequired) { control.remove(.daclAutoInherited) }
        if !control.contains(.saclAutoInheritRequired) { control.remove(.saclAutoInherited) }
        control.subtract([.daclAutoInheritRequired, .saclAutoInheritRequired])
    }

    /// A descriptor with only these parts.
    public func selecting(_ parts: SecurityParts) -> SecurityDescriptor {
        let all = parts.contains(.backup)
        var selected = SecurityDescriptor()
        selected.control = control.subtracting(.dacl).subtracting(.sacl)
        if parts.contains(.owner) || all { selected.owner = owner }
        if parts.contains(.group) || all { selected.group = group }
        if parts.contains(.dacl) || all {
            selected.control.formUnion(control.intersection(.dacl))
            selected.discretionaryList = discretionaryList
        }
        if parts.contains(.sacl) || all {
            selected.control.formUnion(control.intersection(.sacl))
            selected.systemList = systemList
        }
        return selected
    }

    /// Puts another SID in the place of one, wherever it stands.
    public mutating func replace(_ old: SecurityIdentifier, with new: SecurityIdentifier) {
        if owner == old { owner = new }
        if group == old { group = new }
        discretionaryList = discretionaryList?.replacing(old, with: new)
        systemList = systemList?.replacing(old, with: new)
    }

    /// What it gives to somebody with these SIDs.
    public func rights(of identifiers: Set<SecurityIdentifier>) -> AccessMask {
        guard let discretionaryList else { return .fileAllAccess }
        return discretionaryList.rights(of: identifiers, isOwner: owner.map(identifiers.contains) ?? false)
    }

    /// Why somebody does not have `missing`: the entry that takes part of it away, or that none gives it.
    public func cause(of missing: AccessMask, for identifiers: Set<SecurityIdentifier>) -> RefusalCause {
        var cause = RefusalCause.notInList(missing: missing)
        var isFound = false
        _ = discretionaryList?.rights(of: identifiers, isOwner: owner.map(identifiers.contains) ?? false) {
            index, mask in
            guard !isFound, !mask.isDisjoint(with: missing) else { return }
            isFound = true
            cause = .deniedByList(missing: missing.intersection(mask), entry: index)
        }
        return cause
    }
}

extension [UInt8] {
    public mutating func append(littleEndian value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}

extension ArraySlice<UInt8> {
    /// - Parameter offset: from the start of the slice. The caller has checked that the bytes are there.
    public func littleEndian16(_ offset: Int) -> UInt16 {
        UInt16(self[startIndex + offset]) | UInt16(self[startIndex + offset + 1]) << 8
    }
    /// - Parameter offset: as above.
    public func littleEndian32(_ offset: Int) -> UInt32 {
        UInt32(littleEndian16(offset)) | UInt32(littleEndian16(offset + 2)) << 16
    }
}
