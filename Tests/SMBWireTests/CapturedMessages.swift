import Glibc

/// One message as a real peer sent it; Captures/ holds them, lab/capture makes them.
struct CapturedMessage: CustomStringConvertible, Sendable {
    /// What the file says of it: command, direction, status.
    let description: String
    let bytes: [UInt8]

    var isTransform: Bool { description == "transform" }
    var isResponse: Bool { description.contains("response") }

    static let all: [CapturedMessage] = {
        let folder = String(#filePath).split(separator: "/").dropLast().joined(separator: "/")
        return read("/\(folder)/Captures/samba.txt")
    }()

    private static func read(_ path: String) -> [CapturedMessage] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var text: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&block, 1, block.count, file), count > 0 { text += block[..<count] }
        var found: [CapturedMessage] = []
        var title = ""
        var digits: [UInt8] = []
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            if line.first == UInt8(ascii: "#") {
                title = String(decoding: line.dropFirst(2), as: UTF8.self)
            } else if line.isEmpty {
                if !digits.isEmpty { found.append(CapturedMessage(description: title, bytes: unhex(digits))) }
                digits = []
            } else {
                digits += line
            }
        }
        return found
    }

    private static func unhex(_ digits: [UInt8]) -> [UInt8] {
        func value(_ digit: UInt8) -> UInt8 { digit < 0x3A ? digit - 0x30 : digit - 0x57 }
        return stride(from: 0, to: digits.count, by: 2).map { value(digits[$0]) << 4 | value(digits[$0 + 1]) }
    }
}
