import Testing

@testable import Diagnosis

@Suite("apus top: whose habit costs time") struct HabitsTests {
    /// Ten seconds of a client.
    private func hints(_ change: (inout Activity) -> Void) -> [String] {
        var activity = Activity()
        activity.seconds = 10
        activity.commands = ["read": 1000, "create": 100]
        change(&activity)
        return Habits.hints(activity)
    }

    @Test func whoDoesNothingOddIsToldNothing() {
        #expect(hints { _ in }.isEmpty)
        #expect(hints { $0.seconds = 0 }.isEmpty)
    }

    @Test func manySmallReads() {
        let small = hints { activity in
            activity.commands["read"] = 5000
            activity.smallReadCount = 4500
            activity.readByteCount = 5000 * 4200
        }
        #expect(small.count == 1 && small[0].hasPrefix("reads 4 KiB at a time, 450 times a second"))
        // Few of them, and few among many large ones, are no habit.
        #expect(hints { $0.smallReadCount = 1000 }.isEmpty)
        let mixed = hints { activity in
            activity.commands["read"] = 50_000
            activity.smallReadCount = 5000
        }
        #expect(mixed.isEmpty)
    }

    @Test func opensForAttributesAndOpensThatFail() {
        let attributes = hints { activity in
            activity.commands["create"] = 1000
            activity.attributeOpenCount = 900
        }
        #expect(attributes.count == 1 && attributes[0].contains("90 files a second for nothing but their attributes"))
        let failed = hints { activity in
            activity.commands["create"] = 1000
            activity.failedOpenCount = 900
        }
        #expect(failed.count == 1 && failed[0].hasPrefix("fails to open 90 files a second"))
    }

    @Test func waitsForOthers() {
        let waits = hints { activity in
            activity.waitCount = 100
            activity.lastAwaited = "a\\b"
        }
        #expect(waits.count == 1 && waits[0].contains("10 times a second") && waits[0].contains(#"last for a\b"#))
    }

    @Test func oldAlgorithms() {
        let sealed = hints { activity in
            activity.cipher = "AES-128-CCM"
            activity.sealedCount = 1000
        }
        #expect(sealed.count == 1 && sealed[0].contains("AES-128-CCM"))
        #expect(hints { $0.cipher = "AES-128-CCM" }.isEmpty)
        let signed = hints { activity in
            activity.signing = "HMAC-SHA256"
            activity.signedCount = 4000
        }
        #expect(signed.count == 1)
    }

    @Test func oneConnectionThatIsBusyAllTheTime() {
        let busy: (inout Activity) -> Void = { activity in
            activity.processor = 6_000_000_000
            activity.files = 3_000_000_000
        }
        #expect(hints(busy).first?.contains("busy for 90 % of the time") == true)
        let several = hints { activity in
            busy(&activity)
            activity.connectionCount = 2
        }
        #expect(several.isEmpty)
    }

    @Test func listingsAndTheNetwork() {
        #expect(hints { $0.commands["queryDirectory"] = 2000 }.count == 1)
        #expect(hints { $0.network = 4_000_000_000 }.first?.contains("40 %") == true)
    }

    @Test func latenciesAndSums() {
        var one = Activity()
        one.buckets = [0, 50, 40, 10]
        #expect(one.latency(part: 0.5) == 2000 && one.latency(part: 0.99) == 8000)
        #expect(Activity().latency(part: 0.5) == 0)
        var other = Activity()
        other.buckets = [1, 1, 1, 1, 1]
        other.commands = ["read": 3]
        other.lastAwaited = "x"
        one.add(other)
        #expect(one.buckets == [1, 51, 41, 11, 1] && one.requestCount == 3 && one.connectionCount == 2)
        #expect(one.lastAwaited == "x")
    }
}
