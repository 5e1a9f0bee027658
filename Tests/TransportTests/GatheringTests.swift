import Testing

@testable import Transport

@Suite("Reactors that let requests gather") struct GatheringTests {
    /// What a trial says after each of some windows, in which so many requests were served.
    private static func decisions(_ counts: [UInt64]) -> [Bool] {
        var trial = GatheringTrial()
        var now: UInt64 = 1 << 40
        var served: UInt64 = 0
        trial.look(now: now, servedCount: 0)
        return counts.map { count in
            // Within a window there is nothing to decide.
            let before = trial.isOn
            trial.look(now: now + GatheringTrial.windowTime / 2, servedCount: served + count / 2)
            #expect(trial.isOn == before)
            now += GatheringTrial.windowTime
            served += count
            trial.look(now: now, servedCount: served)
            if trial.isOn, !before {
                // What is served while it settles does not count.
                now += GatheringTrial.settlingTime
                trial.look(now: now, servedCount: served)
            }
            return trial.isOn
        }
    }

    @Test func theyDoAsLongAsNoFewerRequestsAreServed() {
        // How many windows of gathering come before one without it.
        let stays = [1, 4, 16, 64, 64]
        #expect(stays.last == GatheringTrial.windowCountMax)
        var counts: [UInt64] = []
        var expected: [Bool] = []
        for stay in stays {
            counts += [1000] + Array(repeating: 960, count: stay)
            expected += Array(repeating: true, count: stay) + [false]
        }
        #expect(Self.decisions(counts + [1000, 930, 1000]) == expected + [true, false, true])
    }

    @Test func aRateFromBeforeClientsBeganIsNotTrustedForLong() {
        #expect(Self.decisions([200, 1500, 2000, 1500, 2000]) == [true, false, true, false, true])
    }

    @Test func whatClientsDoOtherwiseNowIsTriedAnew() {
        // The last of these is the first of sixteen with gathering.
        let sure: [UInt64] = Array(repeating: 1000, count: 9)
        for other in [400, 2500] as [UInt64] {
            let found = Self.decisions(sure + [other, 2500, 2500, 2500])
            #expect(found.suffix(4) == [false, true, false, true])
        }
        #expect(Self.decisions(sure + [600, 1900]).suffix(2) == [true, true])
    }

    @Test func aTrialThatFailsIsNotRepeatedAtOnce() {
        let found = Self.decisions([1000, 900, 1000, 900, 1000, 1000, 900, 1000, 1000, 1000, 1000])
        #expect(found == [true, false, true, false, false, true, false, false, false, false, true])
    }

    @Test func aTrialThatServesMuchFewerEndsEarly() {
        var trial = GatheringTrial()
        let (begin, window) = (UInt64(1) << 40, GatheringTrial.windowTime)
        trial.look(now: begin, servedCount: 0)
        trial.look(now: begin + window, servedCount: 1200)
        #expect(trial.isOn)
        let start = begin + window + GatheringTrial.settlingTime
        trial.look(now: start, servedCount: 1200)
        trial.look(now: start + window / 8, servedCount: 1200)
        #expect(trial.isOn)
        trial.look(now: start + window / 4, servedCount: 1390)
        #expect(!trial.isOn)
    }

    @Test func withFewRequestsThereIsNoTrial() {
        let few = GatheringTrial.rateMin * GatheringTrial.windowTime / 1_000_000_000
        #expect(Self.decisions([0, few - 1, few]) == [false, false, true])
    }

    @Test func aWindowThatLastedMuchLongerSaysNothing() {
        var trial = GatheringTrial()
        trial.look(now: 1 << 40, servedCount: 1_000_000)
        #expect(!trial.isOn)
        trial.look(now: 1 << 41, servedCount: 100_000_000)
        #expect(!trial.isOn)
        // What was tried before is forgotten, too.
        trial.look(now: (1 << 41) + GatheringTrial.windowTime, servedCount: 100_001_000)
        #expect(trial.isOn)
        trial.look(now: (1 << 41) + 2 * GatheringTrial.windowTime, servedCount: 100_001_000)
        trial.look(now: 1 << 42, servedCount: 200_000_000)
        #expect(!trial.isOn)
    }

    @Test func aConnectionThatBringsOneRequestAtATimeIsFoundOutInEachPhase() {
        let gathering = Gathering()
        #expect(!gathering.phase.isOn)
        var depth = Gathering.Depth()
        for _ in 0..<2 {
            gathering.turn()
            let phase = gathering.phase
            let waits = (0..<1000).prefix { _ in depth.add(1, in: phase, afterWait: true) }.count
            #expect(phase.isOn && (16..<32).contains(waits))
            // Rounds without a wait before them say nothing of it.
            let isDeep = depth.add(64, in: phase, afterWait: false)
            #expect(!isDeep)
            gathering.turn()
        }
    }

    @Test func aConnectionThatBringsSomeMayBeWaitedFor() {
        let gathering = Gathering()
        gathering.turn()
        var depth = Gathering.Depth()
        let isDeep = (0..<2000).allSatisfy { round in
            depth.add(round < 1000 ? round % 2 + 1 : 1, in: gathering.phase, afterWait: round < 1000)
        }
        #expect(isDeep)
    }
}
