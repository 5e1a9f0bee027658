import NTTypes

/// Files that stand for something else, [MS-FSCC] 2.1.2: symbolic links of the file system, and whatever else clients
/// keep in a reparse buffer.
public protocol ReparsePoints: AnyObject {
    /// FSCTL_GET_REPARSE_POINT, [MS-FSA] 2.1.5.10.16: the buffer, tag first. - Throws: `.notAReparsePoint`.
    func reparsePoint() throws(NTStatus) -> [UInt8]
    /// FSCTL_SET_REPARSE_POINT, [MS-FSA] 2.1.5.10.38. - Parameter buffer: checked by the caller, tag first.
    /// - Throws: `.directoryNotEmpty`; `.reparseTagMismatch` or `.reparseAttributeConflict` where there is another one.
    func setReparsePoint(_ buffer: [UInt8], as user: Credentials) throws(NTStatus)
    /// FSCTL_DELETE_REPARSE_POINT, [MS-FSA] 2.1.5.10.3. - Parameter header: a buffer without data.
    /// - Throws: `.notAReparsePoint`, `.reparseTagMismatch`, `.reparseAttributeConflict`.
    func deleteReparsePoint(_ header: [UInt8], as user: Credentials) throws(NTStatus)
}

extension ReparsePoints where Self: StoreFile {
    public func reparsePoint() throws(NTStatus) -> [UInt8] { throw .notAReparsePoint }
    public func setReparsePoint(_ buffer: [UInt8], as user: Credentials) throws(NTStatus) { throw .notSupported }
    public func deleteReparsePoint(_ header: [UInt8], as user: Credentials) throws(NTStatus) { throw .notAReparsePoint }
}

extension NTStatus {
    /// [MS-ERREF] 2.3.1.
    public static var reparseTagMismatch: NTStatus { NTStatus(rawValue: 0xC000_0277) }
    public static var reparseDataInvalid: NTStatus { NTStatus(rawValue: 0xC000_0278) }
    public static var reparseAttributeConflict: NTStatus { NTStatus(rawValue: 0xC000_02B2) }
}
