import NTTypes
import SMBWire
import Testing

@testable import SMBServer

@Suite("The create context AAPL")
struct AppleQueryTests {
    private static func question(command: UInt32 = 1, bitmap: UInt64, count: Int = 24) -> [UInt8] {
        let bytes = [command, 0].flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
        return Array(
            (bytes + (0..<8).map { UInt8(truncatingIfNeeded: bitmap >> ($0 * 8)) } + [UInt8](repeating: 0, count: 8))
                .prefix(count))
    }

    private func answer(_ question: [UInt8], takesBackups: Bool = true, isCaseSensitive: Bool = false) -> [UInt8]? {
        let share = Share(name: "s", kind: .pipes, isCaseSensitive: isCaseSensitive, takesBackups: takesBackups)
        return AppleQuery(question.span.bytes)?.answer(on: share)?.data
    }

    @Test func saysOnlyWhatIsAskedFor() throws {
        #expect(answer(Self.question(bitmap: 0)) == [1, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 8))
        let volume = try #require(answer(Self.question(bitmap: 2), isCaseSensitive: true))
        #expect(volume.count == 24 && volume[16] == 6)
        // Bits that nobody knows are not promised.
        #expect(try #require(answer(Self.question(bitmap: .max)))[8..<16] == [7, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func anythingElseIsIgnored() {
        #expect(answer(Self.question(command: 2, bitmap: 7)) == nil)
        for count in 0..<24 { #expect(answer(Self.question(bitmap: 7, count: count)) == nil) }
        #expect(answer(Self.question(bitmap: 7), takesBackups: false) == nil)
    }
}
