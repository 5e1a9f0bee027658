import Glibc

/// Standard input without echo and without waiting for the end of a line, until it goes out of use.
struct RawTerminal: ~Copyable {
    private let old: termios
    private let isTerminal: Bool
    /// The key that takes a character back.
    let eraseKey: UInt8

    init() {
        var raw = termios()
        // SAFETY: the call fills the local structure.
        isTerminal = unsafe tcgetattr(0, &raw) == 0
        old = raw
        // SAFETY: the index is one of the array's.
        eraseKey = isTerminal ? unsafe withUnsafeBytes(of: &raw.c_cc) { unsafe $0[Int(VERASE)] } : 0x7F
        guard isTerminal else { return }
        raw.c_lflag &= ~tcflag_t(ECHO | ICANON)
        // SAFETY: the structure outlives the call.
        unsafe tcsetattr(0, TCSAFLUSH, &raw)
    }

    deinit {
        guard isTerminal else { return }
        var old = old
        // SAFETY: the structure outlives the call.
        unsafe tcsetattr(0, TCSAFLUSH, &old)
    }

    /// The next byte; nil at the end of input, and for Control-D, which means the same.
    func key() -> UInt8? {
        var byte: UInt8 = 0
        while true {
            // SAFETY: room for the one byte that is asked for.
            let count = unsafe read(0, &byte, 1)
            if count < 0, errno == EINTR { continue }
            return count == 1 && byte != 4 ? byte : nil
        }
    }

    /// A line that is being typed loses its last character.
    static func erase(_ line: inout [UInt8]) {
        // Bytes 10xxxxxx continue a character.
        while let last = line.popLast(), last & 0xC0 == 0x80 {}
    }
}

/// Asks for a password twice, until both answers are the same.
enum PasswordPrompt {
    static let byteCountMax = 128
    private static let lineByteCountMax = 2047
    /// Back to the line's start, and nothing left on it.
    static let clearLine = "\r\u{1B}[2K"

    /// - Returns: nil when the input ended.
    static func ask() -> String? {
        let terminal = RawTerminal()
        var first: [UInt8] = []
        var line: [UInt8] = []
        defer { Tool.write("\u{1B}D" + clearLine) }
        while true {
            if line.isEmpty { Tool.write(clearLine + (first.isEmpty ? "New" : "Retype") + " password: ") }
            guard let key = terminal.key() else { return nil }
            if key == UInt8(ascii: "\n") {
                if first.isEmpty, !line.isEmpty {
                    first = Array(line.prefix(byteCountMax))
                    line = []
                    Tool.write("\u{1B}D")
                } else if first != line {
                    again("The passwords differ!", &first, &line)
                } else if let password = String(validating: line, as: UTF8.self) {
                    return password
                } else {
                    again("The password is not UTF-8!", &first, &line)
                }
            } else if key == terminal.eraseKey {
                RawTerminal.erase(&line)
            } else if line.count < lineByteCountMax, ToolConfiguration.isPrintable(key) {
                line.append(key)
            }
        }
    }

    private static func again(_ text: String, _ first: inout [UInt8], _ line: inout [UInt8]) {
        first = []
        line = []
        Tool.write("\(clearLine)\u{1B}[1m\(text)\u{1B}[m\u{1B}M")
    }
}
