/// The dialects, [MS-SMB2] 2.2.3.
public enum Dialect: UInt16, Comparable, CaseIterable, Sendable {
    case smb202 = 0x0202
    case smb210 = 0x0210
    case smb300 = 0x0300
    case smb302 = 0x0302
    case smb311 = 0x0311

    /// Answers the multi-protocol "SMB 2.???": any dialect from 2.1 on, [MS-SMB2] 3.3.5.3.1. Not a dialect itself.
    @inlinable public static var wildcardRevision: UInt16 { 0x02FF }

    @inlinable public static func < (left: Dialect, right: Dialect) -> Bool { left.rawValue < right.rawValue }
    /// One of the SMB 3.x dialect family.
    @inlinable public var isSMB3: Bool { rawValue >= 0x0300 }
}
