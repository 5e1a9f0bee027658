import ArgumentParser
import CLinux
import Glibc
import Platform

/// Whether long work shows how far it has come.
struct ProgressOptions: ParsableArguments {
    @ArgumentParser.Flag(inversion: .prefixedNo, help: "Say how far long work has come; a terminal is told anyway.")
    var progress: Bool?

    /// - Parameter stage: what is done first, in words.
    func begin(_ stage: String) -> Progress { Progress(stage, isWanted: progress) }
}

/// How far long work has come. On a terminal: a line of standard error that is written over as the work goes on, and
/// gone when it is done; nothing for what is done at once. Elsewhere only where it is asked for, and then a line now
/// and then.
final class Progress: Sendable {
    private struct State {
        var stage: String
        var count = 0
        var total: Int?
        var start: UInt64
        /// What the terminal shows, or what was written last.
        var shown = ""
        var lastLine: UInt64
        var hasEnded = false
    }
    /// What is done sooner needs no words, in nanoseconds.
    private static let patience: UInt64 = 300_000_000
    private static let intervalMicroseconds: UInt32 = 100_000
    /// Between two lines where they stay.
    private static let lineInterval: UInt64 = 1_000_000_000

    /// What is under way, for who has to say something else first.
    private static let underWay = Mutex<[Progress]>([])

    private let isTerminal: Bool
    private let isAsked: Bool
    private let state: Mutex<State>

    /// - Parameter isWanted: nil to leave it to whether there is a terminal.
    init(_ stage: String, isWanted: Bool? = nil) {
        // SAFETY: getenv returns a terminated string or nothing.
        let isDumb = unsafe getenv("TERM").map { unsafe String(cString: $0) } == "dumb"
        isTerminal = isatty(2) == 1 && !isDumb
        isAsked = isWanted == true
        let now = Clock.uptime()
        state = Mutex(State(stage: stage, start: now, lastLine: now, hasEnded: !(isWanted ?? isTerminal)))
        guard isWanted ?? isTerminal else { return }
        Self.underWay.withLock { $0.append(self) }
        // A step that takes long says nothing itself, and is not to look as if it hung.
        _ = Thread.detach(name: "progress") { [self] in
            while !state.withLock({ $0.hasEnded }) {
                usleep(Self.intervalMicroseconds)
                state.withLock { draw(&$0) }
            }
        }
    }

    /// The next part of the work.
    /// - Parameter total: how many steps it has, where that is known.
    func stage(_ stage: String, of total: Int? = nil) {
        state.withLock { ($0.stage, $0.count, $0.total) = (stage, 0, total) }
    }

    func advance(by count: Int = 1) { state.withLock { $0.count += count } }

    /// Prints a line of the command's own. - Parameter write: for what does not go to standard output.
    func say(_ line: String, _ write: (String) -> Void = { print($0) }) {
        state.withLock { state in
            erase(&state)
            write(line)
        }
    }

    /// Before an error is told.
    static func endAll() { for progress in underWay.withLock({ $0 }) { progress.end() } }

    /// The work is done. What was asked for is told to the end.
    func end() {
        state.withLock { state in
            guard !state.hasEnded else { return }
            state.hasEnded = true
            erase(&state)
            if isAsked, !isTerminal, text(state) != state.shown { StandardError.write(text(state) + "\n") }
        }
    }

    /// Draws what has changed, in its time.
    private func draw(_ state: inout State) {
        let now = Clock.uptime()
        guard !state.hasEnded, isAsked || now - state.start >= Self.patience else { return }
        let text = text(state)
        guard text != state.shown else { return }
        if isTerminal {
            let width = max(20, Int(apus_terminal_width(2)))
            StandardError.write("\r" + text.prefix(width - 1) + "\u{1B}[K")
        } else {
            guard now - state.lastLine >= Self.lineInterval else { return }
            state.lastLine = now
            StandardError.write(text + "\n")
        }
        state.shown = text
    }

    private func erase(_ state: inout State) {
        guard isTerminal, !state.shown.isEmpty else { return }
        StandardError.write("\r\u{1B}[K")
        state.shown = ""
    }

    private func text(_ state: State) -> String {
        let stage = "apus: \(state.stage)"
        guard let total = state.total, total > 0 else {
            let seconds = (Clock.uptime() - state.start) / 1_000_000_000
            return seconds < 2 || !isTerminal ? stage : "\(stage) (\(seconds) s)"
        }
        return "\(stage): \(state.count) of \(total) (\(state.count * 100 / total) %)"
    }
}
