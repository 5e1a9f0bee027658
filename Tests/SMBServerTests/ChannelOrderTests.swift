import Testing

@testable import SMBServer

/// `#expect` cannot call what cannot be copied.
private final class Order: Sendable {
    private let order = ChannelOrder(sequence: 0)
    func observe(_ sequence: UInt16) { order.observe(sequence) }
    func begin(_ sequence: UInt16, isReplay: Bool = false) -> Bool { order.begin(sequence, isReplay: isReplay) }
    func end(_ sequence: UInt16) { order.end(sequence) }
    var outstandingCount: Int { order.outstandingCount }
}

@Suite("Channel sequence [MS-SMB2] 3.3.5.2.10") struct ChannelOrderTests {
    @Test func whatComesFromBeforeAFailureIsRefused() {
        let order = Order()
        #expect(order.begin(0))
        #expect(order.begin(1))
        #expect(!order.begin(0))
        #expect(order.outstandingCount == 2)
    }

    @Test func aReadMovesTheSequenceOnAndIsNeverRefused() {
        let order = Order()
        order.observe(5)
        order.observe(4)
        #expect(!order.begin(4))
        #expect(order.begin(5))
    }

    @Test func halfOfTheNumbersLieAhead() {
        let order = Order()
        #expect(!order.begin(0x8000))
        #expect(order.begin(0x7FFF))
        #expect(order.begin(0x8000))
        #expect(order.begin(0xFFFF))
        #expect(order.begin(0))
    }

    @Test func aRepetitionWaitsForWhatWasSentOverTheFailedChannel() {
        let order = Order()
        #expect(order.begin(0))
        #expect(!order.begin(1, isReplay: true))
        order.observe(1)
        #expect(!order.begin(1, isReplay: true))
        order.end(0)
        #expect(order.begin(1, isReplay: true))
        #expect(order.begin(1, isReplay: true), "not behind those of its own sequence")
    }

    @Test func aChangeThatOutlivesATurnOfTheSequenceEndsOnce() {
        let order = Order()
        #expect(order.begin(0))
        for sequence in [30_000, 60_000, 0] as [UInt16] { order.observe(sequence) }
        order.end(0)
        #expect(order.outstandingCount == 0)
        order.end(0)
        #expect(order.outstandingCount == 0)
        #expect(order.begin(0, isReplay: true))
    }
}
