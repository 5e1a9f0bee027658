/// Bounds of what strangers on the link can make the discovery process do. Sizes in bytes.
public struct DiscoveryLimits: Sendable {
    /// A datagram, or the body of a request for metadata; Windows sends some 1,000 bytes.
    public var messageByteCountMax = 4096
    /// What comes before the body of a request.
    public var requestHeadByteCountMax = 4096
    /// Elements inside each other, and namespaces declared at one place.
    public var depthMax = 16
    public var namespaceCountMax = 32
    /// A message's identifier, which answers repeat.
    public var identifierByteCountMax = 256
    /// Datagrams and callers that are looked at in a second. What comes beyond waits, and is lost when too much does;
    /// who asked asks again.
    public var questionCountPerSecondMax = 100
    /// Who fetches metadata, at once: one more, and the oldest goes.
    public var callerCountMax = 32
    /// Until a request is there in full, and the answer taken.
    public var callerTimeout: Duration = .seconds(5)
    /// Network addresses that the server is announced at.
    public var placeCountMax = 64
    public init() {}
}
