import NTTypes

/// What stands behind named pipes: DCE/RPC, in the control plane. The engine carries bytes and never looks into them.
/// Calls block.
public protocol PipeService: AnyObject, Sendable {
    /// There is a pipe of that name, and it would be opened. - Throws: `.objectNameNotFound`.
    func find(_ name: String) throws(NTStatus)
    /// Opens an instance of a pipe.
    /// - Parameters:
    ///   - pipe: names the instance from now on; the engine chooses it, unique in the process.
    ///   - name: as the client sent it; never part of a path.
    /// - Throws: `.objectNameNotFound` for what is no pipe.
    func open(_ pipe: UInt64, name: String, user: AuthenticatedUser, remoteAddress: String) throws(NTStatus)
    /// Writes to the pipe, and takes what there is to be read from it.
    /// - Parameter input: at most `pipeChunkByteCountMax` bytes; none to take more of the output.
    /// - Throws: `.pipeDisconnected` when the instance is gone: the client broke the protocol, or the service died.
    func transact(_ pipe: UInt64, _ input: [UInt8]) throws(NTStatus) -> PipeOutput
    func close(_ pipe: UInt64)
}

public struct PipeOutput: Equatable, Sendable {
    /// In the order to be read.
    public var messages: [[UInt8]]
    /// More waits for the next call.
    public var hasMore: Bool
    public init(messages: [[UInt8]], hasMore: Bool) {
        self.messages = messages
        self.hasMore = hasMore
    }
}
