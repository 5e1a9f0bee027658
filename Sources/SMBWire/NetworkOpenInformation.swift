import NTTypes
import Platform

/// A file's times, sizes and attributes as [MS-FSCC] 2.4.34 orders them, without the four reserved bytes at its end.
/// The responses to CREATE and CLOSE hold the same, [MS-SMB2] 2.2.14 and 2.2.16.
public struct NetworkOpenInformation: Equatable, Sendable {
    public var creationTime = FileTime(rawValue: 0)
    public var lastAccessTime = FileTime(rawValue: 0)
    public var lastWriteTime = FileTime(rawValue: 0)
    public var changeTime = FileTime(rawValue: 0)
    public var allocationSize: UInt64 = 0
    public var endOfFile: UInt64 = 0
    public var fileAttributes: FileAttributes = []

    @inlinable public init() {}

    @inlinable
    public init(from reader: inout WireReader) throws(WireError) {
        creationTime = FileTime(rawValue: try reader.read())
        lastAccessTime = FileTime(rawValue: try reader.read())
        lastWriteTime = FileTime(rawValue: try reader.read())
        changeTime = FileTime(rawValue: try reader.read())
        allocationSize = try reader.read()
        endOfFile = try reader.read()
        fileAttributes = FileAttributes(rawValue: try reader.read())
    }

    @inlinable
    public func encode(into buffer: PDUBuffer) {
        buffer.append(creationTime.rawValue)
        buffer.append(lastAccessTime.rawValue)
        buffer.append(lastWriteTime.rawValue)
        buffer.append(changeTime.rawValue)
        buffer.append(allocationSize)
        buffer.append(endOfFile)
        buffer.append(fileAttributes.rawValue)
    }
}
