import Testing

@testable import Diagnosis

@Suite("apus doctor: the machine") struct MachineChecksTests {
    /// A machine with nothing to mend.
    private var good: MachineFacts {
        var facts = MachineFacts()
        facts.kernel = "6.13.2-amd64"
        facts.processorFlags = ["aes", "pclmulqdq", "vaes", "vpclmulqdq"]
        facts.clock = .init(isSynchronized: true, errorMicroseconds: 3000)
        facts.inotifyWatchCountMax = 524_288
        facts.inotifyInstanceCountMax = 128
        facts.fanotifyMarkCountMax = 65_536
        return facts
    }
    private func findings(_ change: (inout MachineFacts) -> Void = { _ in }, kerberos: Bool = false) -> [Finding] {
        var facts = good
        change(&facts)
        return MachineChecks.findings(facts, openCountMax: 1 << 20, supportsKerberos: kerberos)
    }
    /// The one finding that the change makes.
    private func finding(_ change: (inout MachineFacts) -> Void) throws -> Finding {
        let bad = findings(change).filter { $0.severity > .fine }
        try #require(bad.count == 1, "\(bad)")
        return bad[0]
    }

    @Test func aGoodMachineIsFine() {
        #expect(findings().allSatisfy { $0.severity == .fine })
        #expect(findings().exitCode == 0)
        #expect(findings().map(\.check) == ["kernel", "processor", "clock", "open files", "inotify", "fanotify"])
    }

    @Test func eachFindingSaysWhyAndWhatToDo() throws {
        let changes: [(inout MachineFacts) -> Void] = [
            { $0.hasOpenat2 = false }, { $0.hasGetxattrat = false }, { $0.processorFlags = [] },
            { $0.clock?.isSynchronized = false }, { $0.openFileLimit = 1024 }, { $0.inotifyWatchCountMax = 8192 },
            { $0.fanotifyMarkCountMax = 100 }, { $0.hasFanotify = false }, { $0.isKsmbdLoaded = true },
        ]
        for change in changes {
            let bad = try finding(change)
            #expect(bad.severity >= .warning && !bad.seen.isEmpty && !bad.reason.isEmpty && !bad.mend.isEmpty, "\(bad)")
            #expect(!bad.mend.contains("\n"))
        }
    }

    @Test func anOldKernelIsBroken() throws {
        #expect(try finding { $0.kernel = "5.4.0-42-generic" }.severity == .broken)
        #expect(try finding { $0.kernel = "" }.severity == .broken)
        #expect(try finding { $0.hasOpenat2 = false }.severity == .broken)
        #expect(findings { $0.kernel = "5.10.0" }.allSatisfy { $0.severity == .fine })
        #expect(MachineChecks.version("6.18.44-fc") == (6, 18))
    }

    @Test func aKernelWithoutNewCallsIsSlower() throws {
        #expect(try finding { $0.hasGetxattrat = false }.severity == .warning)
        #expect(try finding { $0.hasStatmount = false }.severity == .note)
    }

    @Test func missingInstructionsAreNamed() throws {
        #expect(try finding { $0.processorFlags = ["aes"] }.seen == "no pclmulqdq in x86_64")
        #expect(try finding { $0.processorFlags.remove("vaes") }.severity == .note)
        let arm = findings {
            $0.architecture = "aarch64"
            $0.processorFlags = ["aes", "pmull"]
        }
        #expect(arm.allSatisfy { $0.severity == .fine })
    }

    @Test func aClockThatNobodySetsMattersMoreWithKerberos() {
        let plain = findings({ $0.clock?.isSynchronized = false })
        let kerberos = findings({ $0.clock?.isSynchronized = false }, kerberos: true)
        #expect(plain.exitCode == 1 && kerberos.exitCode == 1)
        #expect(kerberos.contains { $0.check == "clock" && $0.reason.contains("Kerberos") })
        #expect(!findings { $0.clock = nil }.contains { $0.check == "clock" })
    }

    @Test func aLowLimitOfFilesIsEnoughForAFewClients() {
        #expect(findings { $0.openFileLimit = 1024 }.exitCode == 1)
        var facts = good
        facts.openFileLimit = 4096
        #expect(MachineChecks.openFiles(facts, openCountMax: 1000).severity == .fine)
        #expect(MachineChecks.openFiles(facts, openCountMax: 4000).severity == .warning)
    }

    @Test func whoIsNotRootIsToldWhatIsLeftOut() throws {
        #expect(try finding { $0.isRoot = false }.severity == .note)
    }
}
