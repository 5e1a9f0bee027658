import FileStore
import NTTypes
import SMBWire

/// A named pipe where the engine expects a file: an open of a pipe is listed, limited and closed as any other. What
/// only files can do is STATUS_INVALID_DEVICE_REQUEST, as of Windows' named pipe file system.
final class PipeFile: StoreFile {
    let pipe: NamedPipe
    init(_ pipe: NamedPipe) { self.pipe = pipe }

    /// No file's: no disk has this number.
    var identity: FileIdentity { FileIdentity(device: .max, index: pipe.identifier) }
    var isDirectory: Bool { false }
    var path: NTPath { NTPath(components: [pipe.name]) }
    /// Pipes are not renamed.
    func follow(_: NTPath) {}
    func close() { pipe.end() }
    /// What was written has been taken already.
    func flush() throws(NTStatus) {}

    func information() throws(NTStatus) -> FileInformation {
        var information = FileInformation()
        information.identity = identity
        information.endOfFile = UInt64(pipe.peek(0).readable)
        // The quota, as Windows and Samba tell it.
        information.allocationSize = 4096
        return information
    }

    func read(into _: UnsafeMutableRawBufferPointer, at _: UInt64, mayBlock _: Bool) throws(NTStatus) -> Int {
        throw .invalidDeviceRequest
    }
    func write(_: UnsafeRawBufferPointer, at _: UInt64) throws(NTStatus) { throw .invalidDeviceRequest }
    func append(_: UnsafeRawBufferPointer) throws(NTStatus) { throw .invalidDeviceRequest }
    func setEndOfFile(_: UInt64) throws(NTStatus) { throw .invalidDeviceRequest }
    func setAllocationSize(_: UInt64) throws(NTStatus) { throw .invalidDeviceRequest }
    func setBasicInformation(_: BasicInformationChange, as _: Credentials) throws(NTStatus) {
        throw .invalidDeviceRequest
    }
    func overwrite(
        supersede _: Bool, attributes _: FileAttributes, extendedAttributes _: [ExtendedAttribute],
        allocationSize _: UInt64, as _: Credentials
    ) throws(NTStatus) -> FileInformation {
        throw .invalidDeviceRequest
    }
    func streams() throws(NTStatus) -> [StreamInformation] { throw .invalidDeviceRequest }
    func extendedAttributes(as _: Credentials) throws(NTStatus) -> [ExtendedAttribute] { throw .invalidDeviceRequest }
    func setExtendedAttributes(_: [ExtendedAttribute], as _: Credentials) throws(NTStatus) {
        throw .invalidDeviceRequest
    }
    func securityDescriptor(as _: Credentials) throws(NTStatus) -> [UInt8] { throw .invalidDeviceRequest }
    func setSecurityDescriptor(_: [UInt8], parts _: UInt32, as _: Credentials) throws(NTStatus) {
        throw .invalidDeviceRequest
    }
    func volumeInformation(as _: Credentials) throws(NTStatus) -> VolumeInformation { throw .invalidDeviceRequest }
    func rename(to _: NTPath, replacing _: Replacing, as _: Credentials) throws(NTStatus) {
        throw .invalidDeviceRequest
    }
    func link(at _: NTPath, replacing _: Replacing, as _: Credentials) throws(NTStatus) -> NTPath {
        throw .invalidDeviceRequest
    }
    func remove(as _: Credentials) throws(NTStatus) { throw .invalidDeviceRequest }
    func removeFile(as _: Credentials) throws(NTStatus) { throw .invalidDeviceRequest }
    func checkRemovable(as _: Credentials, ignoresReadOnly: Bool) throws(NTStatus) { throw .invalidDeviceRequest }
    func makeDirectoryCursor(as _: Credentials) throws(NTStatus) -> any DirectoryCursor { throw .invalidDeviceRequest }
}
