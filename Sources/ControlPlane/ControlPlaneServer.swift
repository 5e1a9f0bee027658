import Platform

/// What answers requests; called on several threads.
public protocol ControlPlaneHandler: AnyObject, Sendable {
    /// - Parameter dataPlane: to ask back while the request is answered, and not afterwards.
    func answer(_ request: ControlPlaneRequest, asking dataPlane: DataPlaneClient) -> ControlPlaneAnswer
}

/// The way back over the channel of the request that is being answered.
public struct DataPlaneClient: Sendable {
    let channel: Channel
    /// The request's.
    let number: UInt32

    /// Asks and waits. nil when the data plane is gone, or answers nonsense; and for what no message holds.
    public func ask(_ query: DataPlaneQuery) -> DataPlaneFact? {
        guard query.isSendable, channel.send(query.encode(), number: number), let (_, bytes) = channel.receive() else {
            return nil
        }
        return DataPlaneFact(decoding: bytes)
    }
}

/// The control plane's end: a thread for each channel, so that a slow answer holds up one caller and nobody else.
public enum ControlPlaneServer {
    /// Starts a thread for each channel. They stand at the gate when this returns, and begin to serve once it was
    /// signalled as often: what all threads are to be denied can be denied between.
    /// - Parameter ended: called when the other end of a channel is gone.
    /// - Returns: false when there are no threads to be had.
    public static func start(
        channels: [Channel], handler: any ControlPlaneHandler, gate: Semaphore, ended: @escaping @Sendable () -> Void
    ) -> Bool {
        let arrived = Semaphore()
        for channel in channels {
            let isStarted = Thread.detach(name: "control-plane") {
                arrived.signal()
                gate.wait()
                serve(channel, handler)
                ended()
            }
            guard isStarted else { return false }
        }
        for _ in channels { arrived.wait() }
        return true
    }

    private static func serve(_ channel: Channel, _ handler: any ControlPlaneHandler) {
        while let (number, message) = channel.receive() {
            // What is no request is answered by hanging up: the other end is not who it should be.
            guard let request = ControlPlaneRequest(decoding: message) else { break }
            let answer = handler.answer(request, asking: DataPlaneClient(channel: channel, number: number))
            guard channel.send(answer.encode(), number: number) else { break }
        }
    }
}
