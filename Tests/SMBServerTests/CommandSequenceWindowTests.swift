import Testing

@testable import SMBServer

/// `#expect` cannot call what mutates a value.
private final class Window {
    private var window: CommandSequenceWindow
    init(_ creditCountMax: UInt16) { window = CommandSequenceWindow(creditCountMax: creditCountMax) }
    var low: UInt64 { window.low }
    func consume(first: UInt64, charge: UInt16) -> Bool { window.consume(first: first, charge: charge) }
    func grant(requested: UInt16) -> UInt16 { window.grant(requested: requested) }
}

@Suite("Command sequence window [MS-SMB2] 3.3.1.1") struct CommandSequenceWindowTests {
    @Test func aNewConnectionMaySendMessageZeroOnce() {
        let window = Window(8192)
        #expect(!window.consume(first: 1, charge: 1))
        #expect(window.consume(first: 0, charge: 1))
        #expect(!window.consume(first: 0, charge: 1))
    }

    @Test func grantsWhatIsAskedUpToTheMaximum() {
        let window = Window(8192)
        #expect(window.consume(first: 0, charge: 1))
        #expect(window.grant(requested: 65_535) == 8192)
        #expect(window.grant(requested: 1) == 0)
        #expect(window.consume(first: 1, charge: 10))
        #expect(window.grant(requested: 100) == 10)
    }

    @Test func aClientWithoutCreditsGetsOneUnasked() {
        let window = Window(8)
        #expect(window.consume(first: 0, charge: 1))
        #expect(window.grant(requested: 0) == 1)
        #expect(window.grant(requested: 0) == 0)
    }

    @Test func aChargeIsTakenWholeOrNotAtAll() {
        let window = Window(100)
        #expect(window.consume(first: 0, charge: 1))
        #expect(window.grant(requested: 10) == 10)
        #expect(window.consume(first: 5, charge: 1))
        #expect(!window.consume(first: 3, charge: 4))
        #expect(window.consume(first: 3, charge: 2))
        #expect(!window.consume(first: 9, charge: 3))
        #expect(!window.consume(first: .max, charge: 1))
    }

    @Test func idsInAnyOrder() {
        let window = Window(1000)
        #expect(window.consume(first: 0, charge: 1))
        #expect(window.grant(requested: 1000) == 1000)
        for id in stride(from: 1000 as UInt64, through: 1, by: -1) { #expect(window.consume(first: id, charge: 1)) }
        #expect(window.low == 1001)
        #expect(window.grant(requested: 7) == 7)
    }

    @Test func anUnusedIDKeepsTheWindowFromRunningAway() {
        let window = Window(64)
        #expect(window.consume(first: 0, charge: 1))
        #expect(window.grant(requested: 64) == 64)
        // Message 1 is left out.
        for id in 2...64 as ClosedRange<UInt64> {
            #expect(window.consume(first: id, charge: 1))
            #expect(window.grant(requested: 1) == 0)
        }
        #expect(window.consume(first: 1, charge: 1))
        #expect(window.grant(requested: 64) == 64)
    }
}
