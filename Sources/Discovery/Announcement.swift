/// What is announced of the server.
public struct Announcement: Equatable, Sendable {
    /// As users type it after `\\`.
    public var name: String
    public var workgroup: String
    /// 16 bytes that stay the same from start to start: by them Windows knows it again.
    public var identifier: [UInt8]
    public var version: String

    public init(name: String, workgroup: String, identifier: [UInt8], version: String) {
        precondition(identifier.count == 16)
        self.name = name
        self.workgroup = workgroup
        self.identifier = identifier
        self.version = version
    }

    /// As the path of the address where its metadata is.
    public var uuid: String { Self.uuid(identifier) }

    /// 16 bytes as RFC 9562 writes them, marked as of its version 8, "whatever somebody likes".
    static func uuid(_ bytes: [UInt8]) -> String {
        var bytes = bytes
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Array("0123456789abcdef")
        return bytes.enumerated().reduce(into: "") { text, next in
            if [4, 6, 8, 10].contains(next.offset) { text += "-" }
            text.append(digits[Int(next.element >> 4)])
            text.append(digits[Int(next.element & 15)])
        }
    }
}
