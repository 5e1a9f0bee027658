import NTTypes
import Platform

extension PDUBuffer {
    @inlinable
    public func append(_ fileID: FileID) {
        append(fileID.persistent)
        append(fileID.volatile)
    }
    @inlinable
    public func append(_ guid: GUID) {
        append(guid.low)
        append(guid.high)
    }
    @inlinable
    public func append(_ time: FileTime) { append(time.rawValue) }
}
