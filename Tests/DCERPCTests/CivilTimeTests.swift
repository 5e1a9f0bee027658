import NTTypes
import Testing

@testable import DCERPC

@Suite("NetrRemoteTOD [MS-SRVS] 3.1.4.21: the calendar")
struct CivilTimeTests {
    @Test(
        "days around leap years",
        arguments: [
            (0 as Int64, 1970 as UInt32, 1 as UInt32, 1 as UInt32, 4 as UInt32), (951_782_400, 2000, 2, 29, 2),
            (1_709_164_800, 2024, 2, 29, 4), (4_107_542_400, 2100, 3, 1, 1), (1_795_564_800, 2026, 11, 25, 3),
        ])
    func days(seconds: Int64, year: UInt32, month: UInt32, day: UInt32, weekday: UInt32) {
        let time = CivilTime(FileTime(unixSeconds: seconds, nanoseconds: 0))
        #expect([time.year, time.month, time.day, time.weekday] == [year, month, day, weekday])
    }
}
