import SMBWire
import Testing

@Suite("Messages that real peers sent, [MS-SMB2] 2.2") struct CapturedMessagesTests {
    private static let plain = CapturedMessage.all.filter { $0.bytes.starts(with: [0xFE]) }

    @Test func thereAreMessagesOfEveryCommandBothWays() {
        for command in SMB2Command.allCases {
            let ofCommand = Self.plain.filter { $0.description.hasPrefix("\(command) ") }
            let requestCount = ofCommand.count { !$0.isResponse }
            #expect(requestCount > 0, "\(command) request")
            #expect(ofCommand.count > requestCount || command == .cancel, "\(command) response")
        }
    }

    @Test(arguments: plain)
    func isDecodedAndEncodedToTheSameBytes(message: CapturedMessage) throws {
        guard let again = try decode(message.bytes) else { return }
        // Samba leaves whatever was there in the byte that stands for an interim response's empty data.
        let bytes = message.description.hasSuffix("00000103") ? message.bytes.dropLast() : message.bytes[...]
        let (ours, theirs) = (unpadded(again[...]), unpadded(bytes))
        #expect(
            ours == theirs, "first differs at \(zip(ours, theirs).enumerated().first { $1.0 != $1.1 }?.offset ?? -1)")
    }

    @Test(arguments: plain)
    func everyStrictPrefixIsRefused(message: CapturedMessage) {
        // A message may end in padding to a multiple of eight, and an error in one more byte; it is whole without.
        let whole = (0...message.bytes.count).first { isDecoded(message.bytes.prefix($0)) }
        #expect((whole ?? 0) >= message.bytes.count - 8)
    }

    private func isDecoded(_ bytes: ArraySlice<UInt8>) -> Bool {
        do {
            _ = try decode(Array(bytes))
            return true
        } catch {
            return false
        }
    }

    /// Peers differ in how many zero bytes follow the last structure.
    private func unpadded(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.prefix((bytes.lastIndex { $0 != 0 } ?? -1) + 1)
    }
}
