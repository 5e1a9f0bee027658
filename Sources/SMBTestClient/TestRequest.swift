import Platform
import SMBWire

/// One request, to be sent alone or in a compound. What is nil in it, the client fills in as a good client does.
public struct TestRequest: Sendable {
    public var command: UInt16
    public var flags: SMB2Header.Flags = []
    public var creditCharge: UInt16 = 1
    public var credits: UInt16 = 64
    public var messageID: UInt64?
    public var sessionID: UInt64?
    public var treeID: UInt32?
    /// AsyncId of a CANCEL; takes the place of the tree ID.
    public var asyncID: UInt64?
    /// What stands there instead of the distance to the next request of the compound.
    public var nextCommand: UInt32?
    /// Everything behind the header.
    public var body: [UInt8]

    public init(_ command: SMB2Command, flags: SMB2Header.Flags = [], body: [UInt8]) {
        self.command = command.rawValue
        self.flags = flags
        self.body = body
    }

    /// - Parameter encode: appends the body to the buffer, which holds 64 bytes for the header already.
    public init(_ command: SMB2Command, flags: SMB2Header.Flags = [], encode: (PDUBuffer) -> Void) {
        let buffer = PDUBuffer()
        buffer.appendZeros(SMB2Header.byteCount)
        encode(buffer)
        self.init(command, flags: flags, body: buffer.array(SMB2Header.byteCount..<buffer.count))
    }

    /// The same request with something in it changed.
    public func with(_ change: (inout TestRequest) -> Void) -> TestRequest {
        var copy = self
        change(&copy)
        return copy
    }

    /// The same request, related to the one before it in a compound, [MS-SMB2] 3.3.5.2.7.2.
    public var related: TestRequest { with { $0.flags.insert(.relatedOperations) } }
}
