import Authentication
import Testing

@Suite("Delays after failed logins") struct LoginDelayTests {
    private func fail(_ delays: inout LoginDelays, _ count: Int, address: String, account: String?) -> [UInt32] {
        (0..<count).map { _ in delays.failed(address: address, account: account, now: 1000) }
    }

    @Test func fewFailuresAreForgivenAndManyWaitLonger() {
        var delays = LoginDelays()
        let waits = fail(&delays, 16, address: "192.0.2.1", account: "alice")
        #expect(waits == [UInt32](repeating: 0, count: 10) + [250, 500, 1000, 2000, 4000, 5000])
    }

    @Test func aGoodGuessWaitsAsLongAsABadOne() {
        var delays = LoginDelays()
        _ = fail(&delays, 12, address: "192.0.2.1", account: "alice")
        #expect(delays.succeeded(address: "192.0.2.1", account: "alice", now: 1000) == 1000)
        // Having an account of one's own takes nothing back.
        #expect(delays.failed(address: "192.0.2.1", account: "bob", now: 1000) == 1000)
    }

    @Test func whoIsAttackedFromElsewhereIsNotSlowedDown() {
        var delays = LoginDelays()
        for host in 0..<100 { _ = fail(&delays, 1, address: "192.0.2.\(host)", account: "alice") }
        #expect(delays.succeeded(address: "198.51.100.1", account: "alice", now: 1000) == 0)
        // But each further guess at her password is, wherever it comes from.
        #expect(delays.failed(address: "203.0.113.1", account: "ALICE", now: 1000) == 5000)
    }

    @Test func whoIsKnownAtAnAddressIsNotSlowedDownByOthersThere() {
        var delays = LoginDelays()
        #expect(delays.succeeded(address: "192.0.2.1", account: "alice", now: 1000) == 0)
        _ = fail(&delays, 12, address: "192.0.2.1", account: "bob")
        #expect(delays.succeeded(address: "192.0.2.1", account: "Alice", now: 1000) == 0)
        #expect(delays.succeeded(address: "192.0.2.1", account: "carol", now: 1000) == 1000)
        // One wrong password, and a right one tells no more than the next wrong one.
        _ = fail(&delays, 1, address: "192.0.2.1", account: "alice")
        #expect(delays.succeeded(address: "192.0.2.1", account: "alice", now: 1000) == 2000)
    }

    @Test func whatIsNotRepeatedIsForgotten() {
        var delays = LoginDelays()
        _ = fail(&delays, 20, address: "192.0.2.1", account: "alice")
        #expect(delays.succeeded(address: "192.0.2.1", account: "alice", now: 1299) == 5000)
        #expect(delays.succeeded(address: "192.0.2.1", account: "carol", now: 1300) == 0)
        #expect(delays.failed(address: "192.0.2.1", account: "alice", now: 1300) == 0)
    }

    @Test func strangersTakeNoMemory() {
        var delays = LoginDelays()
        for number in 0..<10_000 { _ = delays.failed(address: "\(number)", account: "\(number)", now: number) }
        for number in 0..<10_000 { _ = delays.succeeded(address: "\(number)", account: "\(number)", now: number) }
        #expect(delays.recordCount == 3 * LoginDelays.recordCountMax)
    }
}
