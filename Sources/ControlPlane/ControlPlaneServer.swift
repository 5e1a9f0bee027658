import Platform

/// What answers requests; called on several threads.
public protocol ControlPlaneHandler: AnyObject, Sendable {
    func answer(_ request: ControlPlaneRequest) -> ControlPlaneAnswer
}

/// The control plane's end: a thread for each channel, so that a slow answer holds up one caller and nobody else.
public enum ControlPlaneServer {
    /// Starts serving over `channelCount` new channels.
    /// - Returns: the data plane's end; nil when there are no descriptors or threads to be had.
    public static func start(channelCount: Int = 4, handler: any ControlPlaneHandler) -> ControlPlaneClient? {
        var ends: [Channel] = []
        for _ in 0..<channelCount {
            guard let (near, far) = Channel.makePair() else { return nil }
            ends.append(near)
            guard Thread.detach(name: "control-plane", { serve(far, handler) }) else { return nil }
        }
        return ControlPlaneClient(channels: ends)
    }

    private static func serve(_ channel: Channel, _ handler: any ControlPlaneHandler) {
        while let message = channel.receive() {
            // What is no request is answered by hanging up: the other end is not who it should be.
            guard let request = ControlPlaneRequest(decoding: message) else { break }
            guard channel.send(handler.answer(request).encode()) else { break }
        }
        channel.close()
    }
}
