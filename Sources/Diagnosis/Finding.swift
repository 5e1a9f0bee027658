/// What a look at one thing has found, for `apus doctor`.
public struct Finding: Equatable, Sendable {
    public enum Severity: Int, Comparable, CaseIterable, Sendable {
        case fine
        /// Worth knowing, and nothing to mend.
        case note
        /// Works, and will hurt somebody.
        case warning
        /// Somebody is hurt now: clients do not get in, or cannot do what the configuration promises.
        case broken

        public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
        public var name: String { "\(self)" }
    }

    /// What was looked at, in a word that stays the same.
    public var check: String
    public var severity: Severity
    /// What is seen.
    public var seen: String
    /// Why that hurts; empty for what is fine.
    public var reason: String
    /// What to do about it, in one line; empty where there is nothing to do.
    public var mend: String

    public init(_ check: String, _ severity: Severity, _ seen: String, because reason: String = "", mend: String = "") {
        self.check = check
        self.severity = severity
        self.seen = seen
        self.reason = reason
        self.mend = mend
    }
}

extension [Finding] {
    /// 0 where nothing is to be mended, 1 for warnings, 2 where something is broken.
    public var exitCode: Int32 {
        switch map(\.severity).max() ?? .fine {
        case .fine, .note: 0
        case .warning: 1
        case .broken: 2
        }
    }
}
