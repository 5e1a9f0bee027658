import SMBTestClient
import SMBWire

extension TestRequest {
    /// FileRenameInformation (class 10), FileLinkInformation (11) or one of their Ex forms (65, 72), [MS-FSCC] 2.4.42,
    /// 2.4.43 and 2.4.27.
    /// - Parameter flags: 1 is to replace what there is, in each of them.
    public static func newName(
        _ file: FileID, _ name: String, class: UInt8 = 10, flags: UInt32 = 0
    ) -> TestRequest {
        func littleEndian(_ value: UInt32) -> [UInt8] { [0, 8, 16, 24].map { UInt8(value >> $0 & 0xFF) } }
        let bytes = name.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        // Then the padding to eight bytes and RootDirectory; and behind the name what Windows adds.
        let head = littleEndian(flags) + [UInt8](repeating: 0, count: 12) + littleEndian(UInt32(bytes.count))
        return .set(file, class: `class`, head + bytes + [0, 0, 0, 0])
    }
}
