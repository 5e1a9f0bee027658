import NTTypes

/// A moment in the calendar, Universal Time.
struct CivilTime: Equatable {
    var unixSeconds: UInt32
    var milliseconds: UInt32
    var year: UInt32
    /// From 1.
    var month: UInt32
    var day: UInt32
    /// 0 is Sunday.
    var weekday: UInt32
    var hour: UInt32
    var minute: UInt32
    var second: UInt32
    var hundredths: UInt32

    init(_ time: FileTime) {
        // FILETIME counts 100 ns from 1601; Unix starts 11,644,473,600 s later.
        let seconds = Int64(time.rawValue / 10_000_000) - 11_644_473_600
        unixSeconds = UInt32(clamping: seconds)
        milliseconds = UInt32(truncatingIfNeeded: time.rawValue / 10_000)
        hundredths = UInt32(time.rawValue / 100_000 % 100)
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = seconds - days * 86_400
        hour = UInt32(rest / 3600)
        minute = UInt32(rest / 60 % 60)
        second = UInt32(rest % 60)
        // 1 January 1970 was a Thursday.
        weekday = UInt32(((days + 4) % 7 + 7) % 7)
        // Years that begin in March, in eras of 400: the leap day is then the last of its year.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = UInt32(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        month = UInt32(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        year = UInt32(yearOfEra + era * 400 + (month <= 2 ? 1 : 0))
    }
}
