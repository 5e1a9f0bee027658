/// An HTTP request for metadata: a POST with a body of known length, RFC 9112; and the answers to it.
public enum MetadataRequest: Equatable, Sendable {
    /// More is to come.
    case unfinished
    case complete(path: String, body: [UInt8])
    /// What it is answered with, instead of a body.
    case refused(status: String)

    /// - Parameter bytes: all that has come so far.
    public init(_ bytes: [UInt8], limits: DiscoveryLimits = DiscoveryLimits()) { self = Self.read(bytes, limits) }

    private static func read(_ bytes: [UInt8], _ limits: DiscoveryLimits) -> MetadataRequest {
        guard let end = endOfHead(bytes.prefix(limits.requestHeadByteCountMax)) else {
            return bytes.count < limits.requestHeadByteCountMax
                ? .unfinished : .refused(status: "431 Request Header Fields Too Large")
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ").map(String.init) ?? []
        guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { return .refused(status: "400 Bad Request") }
        guard words[0] == "POST" else { return .refused(status: "405 Method Not Allowed") }
        let lengths = lines.dropFirst().compactMap { value(of: "content-length", in: $0) }
        guard lengths.count == 1, let length = Int(lengths[0]), length >= 0 else {
            return .refused(status: "411 Length Required")
        }
        guard length <= limits.messageByteCountMax else { return .refused(status: "413 Content Too Large") }
        let body = bytes[(end + 4)...]
        return body.count < length ? .unfinished : .complete(path: words[1], body: Array(body.prefix(length)))
    }

    /// Where the empty line begins that ends the head.
    private static func endOfHead(_ bytes: ArraySlice<UInt8>) -> Int? {
        bytes.indices.dropLast(3).first { bytes[$0...].starts(with: "\r\n\r\n".utf8) }
    }

    private static func value(of name: String, in line: Substring) -> String? {
        let parts = line.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == name else { return nil }
        return String(parts[1]).trimmed
    }

    /// - Parameter body: empty for a status that says it all.
    public static func response(status: String, body: [UInt8] = []) -> [UInt8] {
        let head = """
            HTTP/1.1 \(status)\r
            Content-Type: application/soap+xml\r
            Content-Length: \(body.count)\r
            Connection: close\r
            \r

            """
        return Array(head.utf8) + body
    }
}
