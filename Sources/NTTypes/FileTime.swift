/// A point in time, [MS-DTYP] 2.3.3: 100-nanosecond steps since 1601-01-01 UTC.
public struct FileTime: RawRepresentable, Hashable, Comparable, Sendable {
    public var rawValue: UInt64
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable
    public static func < (left: FileTime, right: FileTime) -> Bool { left.rawValue < right.rawValue }

    /// In SET_INFO: leave this time as it is, [MS-FSCC] 2.4.7.
    @inlinable public static var unchanged: FileTime { FileTime(rawValue: 0) }
    /// In SET_INFO: stop updating this time implicitly on this handle, [MS-FSCC] 2.4.7.
    @inlinable public static var freeze: FileTime { FileTime(rawValue: .max) }
    /// In SET_INFO: resume updating this time implicitly on this handle, [MS-FSCC] 2.4.7.
    @inlinable public static var thaw: FileTime { FileTime(rawValue: .max - 1) }

    /// Seconds between 1601-01-01 and 1970-01-01.
    @inlinable static var unixEpochSeconds: Int64 { 11_644_473_600 }

    /// A Unix time; times before 1601 or after the year 60055 are clamped.
    @inlinable
    public init(unixSeconds: Int64, nanoseconds: Int64) {
        let (shifted, overflow) = unixSeconds.addingReportingOverflow(Self.unixEpochSeconds)
        guard !overflow, shifted >= 0 else { self.init(rawValue: 0); return }
        let (ticks, tooLate) = UInt64(shifted).multipliedReportingOverflow(by: 10_000_000)
        self.init(
            rawValue: tooLate ? UInt64(Int64.max) : min(UInt64(Int64.max), ticks + UInt64(max(0, nanoseconds) / 100)))
    }

    /// As a Unix time: whole seconds (negative before 1970) and 0..<1,000,000,000 nanoseconds.
    @inlinable
    public var unix: (seconds: Int64, nanoseconds: Int64) {
        (Int64(rawValue / 10_000_000) - Self.unixEpochSeconds, Int64(rawValue % 10_000_000) * 100)
    }
}
