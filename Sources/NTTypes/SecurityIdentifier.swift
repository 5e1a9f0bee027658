/// A SID: who somebody is, [MS-DTYP] 2.4.2. Kept in its binary form, 2.4.2.2, the form it has in descriptors and on
/// disk.
public struct SecurityIdentifier: Hashable, Sendable {
    /// 8 bytes and 4 for each subauthority, of which there are at most 15.
    public let bytes: [UInt8]

    public static var subauthorityCountMax: Int { 15 }

    /// - Parameter subauthorities: at most `subauthorityCountMax`.
    public init(authority: UInt64, subauthorities: [UInt32]) {
        precondition(subauthorities.count <= Self.subauthorityCountMax && authority < 1 << 48)
        var bytes: [UInt8] = [1, UInt8(subauthorities.count)]
        for shift in stride(from: 40, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: authority >> shift))
        }
        for subauthority in subauthorities { bytes.append(littleEndian: subauthority) }
        self.bytes = bytes
    }

    public init(_ authority: UInt64, _ subauthorities: UInt32...) {
        self.init(authority: authority, subauthorities: subauthorities)
    }

    /// - Parameter bytes: may go on behind the SID.
    /// - Returns: nil if no whole SID is at its start.
    public init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= 8, bytes[bytes.startIndex] == 1 else { return nil }
        let subauthorityCount = Int(bytes[bytes.startIndex + 1])
        let byteCount = 8 + 4 * subauthorityCount
        guard subauthorityCount <= Self.subauthorityCountMax, bytes.count >= byteCount else { return nil }
        self.bytes = Array(bytes.prefix(byteCount))
    }

    public var authority: UInt64 { bytes[2..<8].reduce(0) { $0 << 8 | UInt64($1) } }
    public var subauthorities: [UInt32] {
        stride(from: 8, to: bytes.count, by: 4).map { bytes[...].littleEndian32($0) }
    }
    /// What it is called in its domain: the last subauthority.
    public var relativeIdentifier: UInt32? { bytes.count > 8 ? bytes[...].littleEndian32(bytes.count - 4) : nil }
    /// The domain that it belongs to: the SID without its last subauthority.
    public var domain: SecurityIdentifier? {
        bytes.count > 8 ? Self(authority: authority, subauthorities: subauthorities.dropLast()) : nil
    }

    /// - Returns: nil if there is no room for one more subauthority.
    public func appending(_ relativeIdentifier: UInt32) -> SecurityIdentifier? {
        guard bytes[1] < Self.subauthorityCountMax else { return nil }
        return Self(authority: authority, subauthorities: subauthorities + [relativeIdentifier])
    }
}

extension SecurityIdentifier: CustomStringConvertible {
    /// [MS-DTYP] 2.4.2.1, in decimal.
    public var description: String {
        (["S-1", "\(authority)"] + subauthorities.map { "\($0)" }).joined(separator: "-")
    }

    /// - Parameter text: S-1-… in decimal, [MS-DTYP] 2.4.2.1.
    /// - Returns: nil for what is none.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts.count <= 3 + Self.subauthorityCountMax, parts[0] == "S" || parts[0] == "s",
            parts[1] == "1", let authority = UInt64(parts[2]), authority < 1 << 48
        else { return nil }
        var subauthorities: [UInt32] = []
        for part in parts.dropFirst(3) {
            guard let number = UInt32(part) else { return nil }
            subauthorities.append(number)
        }
        self.init(authority: authority, subauthorities: subauthorities)
    }
}

/// Well-known ones, [MS-DTYP] 2.4.2.4.
extension SecurityIdentifier {
    public static let everyone = Self(1, 0)
    public static let creatorOwner = Self(3, 0)
    public static let creatorGroup = Self(3, 1)
    public static let ownerRights = Self(3, 4)
    public static let network = Self(5, 2)
    public static let anonymous = Self(5, 7)
    public static let authenticatedUsers = Self(5, 11)
    public static let localSystem = Self(5, 18)
    public static let administrators = Self(5, 32, 544)
    public static let users = Self(5, 32, 545)
    public static let guests = Self(5, 32, 546)
}

/// Linux's users and groups among the SIDs: S-1-22-1-UID and S-1-22-2-GID, as Samba has them. They say the same on
/// every server that has the same numbers, so that is what descriptors on disk are written with.
extension SecurityIdentifier {
    public static func user(_ number: UInt32) -> Self { Self(22, 1, number) }
    public static func group(_ number: UInt32) -> Self { Self(22, 2, number) }
}

/// A user or group of Linux.
public enum UnixIdentifier: Hashable, Sendable {
    case user(UInt32)
    case group(UInt32)
}

/// Which SIDs mean which users and groups of Linux.
///
/// Beside S-1-22 the server's own domain counts, with relative identifiers made from the numbers: 2 × UID + 1000 for a
/// user and 2 × GID + 1001 for a group, Samba's and ksmbd's rule where nobody gives out others. Clients get these for
/// names.
public struct IdentifierMapping: Sendable {
    /// S-1-5-21-a-b-c; nil while a server has none.
    public let domain: SecurityIdentifier?

    public init(domain: SecurityIdentifier? = nil) { self.domain = domain }

    private static var userBase: UInt32 { 1000 }
    private static var groupBase: UInt32 { 1001 }

    /// nil for a SID that stands for nobody here.
    public func unixIdentifier(of identifier: SecurityIdentifier) -> UnixIdentifier? {
        let parts = identifier.subauthorities
        if identifier.authority == 22, parts.count == 2 {
            return parts[0] == 1 ? .user(parts[1]) : parts[0] == 2 ? .group(parts[1]) : nil
        }
        guard let domain, parts.count == 5, identifier.bytes.dropLast(4).dropFirst(2) == domain.bytes.dropFirst(2),
            let relative = parts.last, relative >= Self.userBase
        else { return nil }
        return relative % 2 == 0 ? .user((relative - Self.userBase) / 2) : .group((relative - Self.groupBase) / 2)
    }

    /// All SIDs that mean this user or group.
    public func identifiers(of unix: UnixIdentifier) -> [SecurityIdentifier] {
        let own: SecurityIdentifier =
            switch unix {
            case .user(let number): .user(number)
            case .group(let number): .group(number)
            }
        return [own] + [inDomain(unix)].compactMap { $0 }
    }

    /// The SID in the server's domain, which has no room for the largest numbers.
    public func inDomain(_ unix: UnixIdentifier) -> SecurityIdentifier? {
        let (number, base) =
            switch unix {
            case .user(let number): (number, Self.userBase)
            case .group(let number): (number, Self.groupBase)
            }
        guard number <= (UInt32.max - base) / 2 else { return nil }
        return domain?.appending(number * 2 + base)
    }
}
