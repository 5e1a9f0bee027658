import Testing

@testable import Transport

@Suite("How eagerly a reactor's thread takes the processor") struct EagernessTests {
    static let tooLong = Eagerness.waitMax * UInt64(Eagerness.windowRoundCount) + 1

    private static func decisions(_ windows: [(isBusy: Bool, waited: UInt64)]) -> [Bool] {
        var eagerness = Eagerness(isPatient: false)
        return windows.map {
            eagerness.decide(isBusy: $0.isBusy, waited: $0.waited)
            return eagerness.isPatient
        }
    }

    @Test func itIsPatientAsLongAsRoundsBringManyRequests() {
        // What it waited while it was eager is not for its patience's sake.
        let found = Self.decisions([(false, 0), (true, Self.tooLong), (true, Self.tooLong - 1), (false, 0), (true, 0)])
        #expect(found == [false, true, true, false, true])
    }

    @Test func longWaitsEndPatienceForAWhile() {
        let busy = (isBusy: true, waited: UInt64(0))
        let found = Self.decisions(
            [busy, (true, Self.tooLong)] + Array(repeating: busy, count: Eagerness.pauseWindowCount))
        #expect(found.first == true)
        #expect(found.dropFirst().prefix(Eagerness.pauseWindowCount).allSatisfy { !$0 })
        #expect(found.last == true)
    }
}
