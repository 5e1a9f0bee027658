import NTTypes
import SMBWire

/// The create context AAPL: what a Mac asks a server about itself when it mounts a share. Apple has published it as
/// source (smb_2.h of its client: kAAPL_SERVER_QUERY), and not otherwise.
///
/// Only shares for Time Machine answer: a Mac uses no other server for backups than one that promises a full sync. Of
/// the rest nothing is promised that is not done: no Finder information in lists, no copying by this context, no modes
/// in descriptors. A Mac then asks as it asks any server.
struct AppleQuery {
    /// What is asked for, as the answer's bitmap says what is told.
    struct Parts: OptionSet {
        let rawValue: UInt64
        static let serverCapabilities = Parts(rawValue: 1)
        static let volumeCapabilities = Parts(rawValue: 2)
        static let model = Parts(rawValue: 4)
        static let all: Parts = [.serverCapabilities, .volumeCapabilities, .model]
    }
    private let parts: Parts

    private static let serverQuery: UInt32 = 1
    /// The server is of Unix's kind.
    private static let unixBased: UInt64 = 4
    private static let caseSensitive: UInt64 = 2
    /// A FLUSH returns only when the disk itself has all, F_FULLFSYNC.
    private static let fullSync: UInt64 = 4
    /// Which picture a Mac shows.
    private static let modelName = "RackMac"

    /// - Returns: nil for what is no such question: it is ignored, as [MS-SMB2] 3.3.5.9 wants of unknown contexts.
    init?(_ data: RawSpan) {
        var reader = WireReader(data)
        // Command, reserved, bitmap, the client's capabilities.
        guard data.byteCount == 24, (try? reader.read(UInt32.self)) == Self.serverQuery,
            (try? reader.skip(4)) != nil, let bitmap = try? reader.read(UInt64.self)
        else { return nil }
        parts = Parts(rawValue: bitmap).intersection(.all)
    }

    /// - Returns: nil where the share does not speak of it.
    func answer(on share: Share) -> CreateContext? {
        guard share.takesBackups else { return nil }
        var data = bytes(Self.serverQuery) + bytes(0 as UInt32) + bytes(parts.rawValue)
        if parts.contains(.serverCapabilities) { data += bytes(Self.unixBased) }
        if parts.contains(.volumeCapabilities) {
            data += bytes(Self.fullSync | (share.isCaseSensitive ? Self.caseSensitive : 0))
        }
        if parts.contains(.model) {
            let name = Self.modelName.utf16.flatMap { bytes($0) }
            data += bytes(0 as UInt32) + bytes(UInt32(name.count)) + name
        }
        return CreateContext(name: .apple, data: data)
    }

    private func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}
