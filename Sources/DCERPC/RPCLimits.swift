/// Bounds of what one pipe can make the server keep. Sizes in bytes.
public struct RPCLimits: Sendable {
    /// Largest fragment that is sent or asked for: what Windows and Samba use over pipes.
    public var fragmentByteCountMax = 5840
    /// A request put together from its fragments.
    public var requestByteCountMax = 256 << 10
    /// A response before it is cut into fragments; enumerations stop before it, and say that there is more.
    public var responseByteCountMax = 1 << 20
    /// Of responses that the client has not read yet: beyond it calls are refused until it has. One write can hold
    /// thousands of calls, whose responses would all be kept.
    public var unreadByteCountMax = 2 << 20
    /// Presentation contexts of one bind, and of one pipe in all.
    public var contextCountMax = 32
    /// Context handles that one pipe holds open.
    public var handleCountMax = 2048
    /// Of the records of handles that are taken at once.
    public var recordByteCountMax = 48 << 10
    /// Elements of one array in a request: names, SIDs, [MS-LSAT] 3.1.4.5 has 1000 to 20,480 of them.
    public var elementCountMax = 20_480
    public init() {}
}
