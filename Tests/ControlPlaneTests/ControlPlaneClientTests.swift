import ControlPlane
import Platform
import Testing

/// What callers see of control planes that come and go.
struct ControlPlaneClientTests {
    private final class Echo: ControlPlaneHandler {
        let answers = Atomic(0)
        let token: [UInt8]
        init(_ token: [UInt8]) { self.token = token }
        func answer(_ request: ControlPlaneRequest, asking _: DataPlaneClient) -> ControlPlaneAnswer {
            answers.wrappingAdd(1, ordering: .relaxed)
            return .token(token)
        }
    }

    /// Starts a control plane that says `token`, and hands the client its channels.
    private func start(_ token: [UInt8], for client: ControlPlaneClient, channelCount: Int = 2) -> Semaphore {
        let pairs = (0..<channelCount).compactMap { _ in Channel.makePair() }
        let gate = Semaphore(count: UInt32(channelCount))
        let ended = Semaphore()
        let isStarted = ControlPlaneServer.start(
            channels: pairs.map(\.1), handler: Echo(token), gate: gate, ended: { ended.signal() })
        #expect(isStarted)
        client.adopt(pairs.map(\.0))
        return ended
    }

    @Test func theNextControlPlaneTakesOverAndTheOldOneIsHungUpOn() {
        let client = ControlPlaneClient()
        let ended = start([1], for: client)
        #expect(client.ask(.initialToken) == .token([1]))
        _ = start([2], for: client)
        #expect(client.ask(.initialToken) == .token([2]))
        #expect(ended.wait(milliseconds: 2000) && ended.wait(milliseconds: 2000))
        client.close()
        #expect(client.ask(.initialToken) == nil)
    }

    @Test func aCallerWaitsForTheNextControlPlane() {
        let client = ControlPlaneClient()
        let answered = Semaphore()
        #expect(
            Thread.detach(name: "caller") {
                if client.ask(.initialToken) == .token([3]) { answered.signal() }
            })
        #expect(!answered.wait(milliseconds: 100))
        _ = start([3], for: client)
        #expect(answered.wait(milliseconds: 2000))
    }

    @Test func aRequestWhoseControlPlaneDiedIsAskedOnceMoreOnTheNext() {
        let client = ControlPlaneClient()
        let pairs = (0..<2).compactMap { _ in Channel.makePair() }
        // These die with the request in their hands, or before it.
        client.adopt(pairs.map(\.0))
        let answered = Semaphore()
        #expect(
            Thread.detach(name: "caller") {
                if client.ask(.initialToken) == .token([4]) { answered.signal() }
            })
        #expect(!answered.wait(milliseconds: 50))
        hangUp(pairs.map(\.1))
        #expect(!answered.wait(milliseconds: 50))
        // The caller's thread finds it out.
        for _ in 0..<200 where !client.misses { _ = answered.wait(milliseconds: 10) }
        #expect(client.misses)
        _ = start([4], for: client)
        #expect(answered.wait(milliseconds: 2000))
        #expect(!client.misses)
    }

    private func hangUp(_ channels: [Channel]) {
        for channel in channels { channel.hangUp() }
    }
}
