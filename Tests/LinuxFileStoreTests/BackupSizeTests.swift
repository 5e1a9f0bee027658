import Testing

@testable import LinuxFileStore

@Suite("time machine max size")
struct BackupSizeTests {
    @Test(
        "Info.plist",
        arguments: [
            ("<key>band-size</key>\n<integer>8388608</integer>", 8_388_608 as UInt64),
            ("<key>size</key><integer>7</integer><key>band-size</key><integer>5</integer>", 5), ("", 0),
            ("<key>band-size</key>", 0), ("<key>band-size</key><integer>99999999999999999999</integer>", 0),
            ("<key>band-size</key><integer>-1</integer>", 0),
        ])
    func bandSize(text: String, byteCount: UInt64) {
        #expect(BackupSize.bandByteCount(inPropertyList: text) == byteCount)
    }

    @Test func theVolumeIsAsLargeAsTheLimitAndBandsTakeRoom() throws {
        let share = try TemporaryShare { $0.backupByteCountMax = 1 << 20 }
        try share.makeFolder("mac.sparsebundle")
        try share.makeFolder("mac.sparsebundle/bands")
        share.writeLocally("mac.sparsebundle/Info.plist", "<key>band-size</key><integer>300000</integer>")
        for number in 0..<2 { share.writeLocally("mac.sparsebundle/bands/\(number)") }
        let volume = try share.store.volumeInformation(as: share.user)
        #expect(volume.totalByteCount == 1 << 20)
        #expect(volume.availableByteCount == (1 << 20) - 600_000)
        #expect(volume.freeByteCount == (1 << 20) - 600_000)
    }
}
