/// Rights on a file or directory, [MS-SMB2] 2.2.13.1 and [MS-DTYP] 2.4.3.
public struct AccessMask: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// FILE_READ_DATA; for a directory FILE_LIST_DIRECTORY.
    @inlinable public static var readData: Self { .init(rawValue: 0x1) }
    /// FILE_WRITE_DATA; for a directory FILE_ADD_FILE.
    @inlinable public static var writeData: Self { .init(rawValue: 0x2) }
    /// FILE_APPEND_DATA; for a directory FILE_ADD_SUBDIRECTORY.
    @inlinable public static var appendData: Self { .init(rawValue: 0x4) }
    @inlinable public static var readExtendedAttributes: Self { .init(rawValue: 0x8) }
    @inlinable public static var writeExtendedAttributes: Self { .init(rawValue: 0x10) }
    /// FILE_EXECUTE; for a directory FILE_TRAVERSE.
    @inlinable public static var execute: Self { .init(rawValue: 0x20) }
    @inlinable public static var deleteChild: Self { .init(rawValue: 0x40) }
    @inlinable public static var readAttributes: Self { .init(rawValue: 0x80) }
    @inlinable public static var writeAttributes: Self { .init(rawValue: 0x100) }
    @inlinable public static var delete: Self { .init(rawValue: 0x1_0000) }
    @inlinable public static var readControl: Self { .init(rawValue: 0x2_0000) }
    @inlinable public static var writeDAC: Self { .init(rawValue: 0x4_0000) }
    @inlinable public static var writeOwner: Self { .init(rawValue: 0x8_0000) }
    @inlinable public static var synchronize: Self { .init(rawValue: 0x10_0000) }
    @inlinable public static var accessSystemSecurity: Self { .init(rawValue: 0x100_0000) }
    @inlinable public static var maximumAllowed: Self { .init(rawValue: 0x200_0000) }
    @inlinable public static var genericAll: Self { .init(rawValue: 0x1000_0000) }
    @inlinable public static var genericExecute: Self { .init(rawValue: 0x2000_0000) }
    @inlinable public static var genericWrite: Self { .init(rawValue: 0x4000_0000) }
    @inlinable public static var genericRead: Self { .init(rawValue: 0x8000_0000) }

    /// Everything a file's owner may be given: what FILE_ALL_ACCESS expands to.
    @inlinable public static var fileAllAccess: Self { .init(rawValue: 0x1F_01FF) }
    @inlinable public static var fileGenericRead: Self { .init(rawValue: 0x12_0089) }
    @inlinable public static var fileGenericWrite: Self { .init(rawValue: 0x12_0116) }
    @inlinable public static var fileGenericExecute: Self { .init(rawValue: 0x12_00A0) }

    /// The generic rights replaced by what they stand for on a file, [MS-SMB2] 2.2.13.1.1.
    @inlinable
    public var expandingGenericRights: AccessMask {
        var mask = self
        if mask.contains(.genericAll) { mask.formUnion(.fileAllAccess) }
        if mask.contains(.genericRead) { mask.formUnion(.fileGenericRead) }
        if mask.contains(.genericWrite) { mask.formUnion(.fileGenericWrite) }
        if mask.contains(.genericExecute) { mask.formUnion(.fileGenericExecute) }
        return mask.subtracting([.genericAll, .genericRead, .genericWrite, .genericExecute])
    }
}
