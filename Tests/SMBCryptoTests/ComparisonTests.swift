import Testing

@testable import SMBCrypto

@Suite("Comparing codes in constant time") struct ComparisonTests {
    @Test func onlyWhatIsEqualIs() {
        #expect(constantTimeEqual([], []))
        #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEqual([1, 2, 3], [0, 2, 3]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2]))
    }

    /// Signatures have 16 bytes, over which no clock sees a difference; they are compared by the same function as these
    /// 4 MiB, where one that stops at the first difference is done a thousand times sooner.
    @Test func aComparisonTakesNoLessForAnEarlyDifference() {
        let code = [UInt8](repeating: 7, count: 4 << 20)
        var same = code
        same[0] = 7
        var other = code
        other[0] = 8
        func shortest(_ second: [UInt8]) -> Duration {
            (0..<5).map { _ in ContinuousClock().measure { _ = constantTimeEqual(code, second) } }.min() ?? .zero
        }
        // A machine that does much else besides may make it look several times faster, but not fifty times.
        #expect(shortest(other) * 50 > shortest(same))
    }
}
