import EngineHost
import NTTypes
import SMBServer
import SMBTestClient
import SMBWire
import Testing

@Suite("What was refused is remembered, with its cause") struct DenialTests {
    @Test func whatSucceedsLeavesNothing() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        let file = try client.open("file")
        #expect(try client.call(.write(file, [1])).status == .success)
        #expect(try client.call(.create("nothing", disposition: .open)).status == .objectNameNotFound)
        #expect(host.server.denials.count == 0)
    }

    @Test func aSharingViolationNamesWhoHasTheFileAndHow() throws {
        let host = try EngineHost()
        let first = try host.logIn()
        defer { withExtendedLifetime(first) {} }
        _ = try first.open("file", access: .readData) { $0.shareAccess = .read }
        let second = try host.logIn()
        #expect(try second.call(.create("file", access: .writeData)).status == .sharingViolation)
        let denial = try #require(host.server.denials.last(1).first)
        #expect(denial.status == .sharingViolation)
        #expect(denial.user == EngineHost.user && denial.share == "share" && denial.path == "file")
        #expect(denial.access == .writeData)
        #expect(denial.holder?.user == EngineHost.user)
        #expect(denial.holder?.access == .readData)
        #expect(denial.holder?.shareAccess == .read)
    }

    @Test func theSameAgainIsCountedAndNotRepeated() throws {
        let host = try EngineHost { $0.limits.denialCountMax = 4 }
        let client = try host.logIn()
        let file = try client.open("file", access: .readData)
        for _ in 0..<3 { #expect(try client.call(.write(file, [1])).status == .accessDenied) }
        let denials = host.server.denials.last(10)
        #expect(denials.count == 1)
        #expect(denials.first?.count == 3 && denials.first?.path == "file" && denials.first?.command == "write")
        #expect(denials.first?.status.cause == .handle(missing: [.writeData, .appendData]))
        #expect(host.server.denials.count == 3)
    }

    @Test func onlyTheLastAreKept() throws {
        let host = try EngineHost(isWritable: false) { $0.limits.denialCountMax = 4 }
        let client = try host.logIn()
        for number in 0..<10 { _ = try client.call(.create("file\(number)", access: .writeData)) }
        #expect(host.server.denials.last(100).map(\.path) == ["file6", "file7", "file8", "file9"])
        #expect(host.server.denials.last(2).map(\.number) == [9, 10])
        #expect(host.server.denials.last(1).first?.status.cause == .readOnlyShare(missing: .writeData))
    }

    @Test func theStoresCauseArrives() throws {
        let host = try EngineHost()
        let client = try host.logIn()
        _ = try client.open("marked") { $0.fileAttributes = .readOnly }
        #expect(try client.call(.create("marked", access: .writeData, disposition: .open)).status == .accessDenied)
        #expect(host.server.denials.last(1).first?.status.cause == .readOnlyAttribute)
        let file = try client.open("marked", access: [.delete, .readAttributes], disposition: .open)
        #expect(try client.call(.set(file, class: 13, [1])).status == .cannotDelete)
        #expect(host.server.denials.last(1).first?.status.cause == .readOnlyAttribute)
        #expect(host.server.denials.last(1).first?.path == "marked")
    }

    @Test func sharesThatThereAreNotAndSealingThatIsMissing() throws {
        let host = try EngineHost(shareRequiresEncryption: true)
        let client = try host.logIn(share: "")
        #expect(throws: TestClientError.self) { try client.connectTree("nowhere") }
        #expect(host.server.denials.last(1).first?.share == "nowhere")
        #expect(host.server.denials.last(1).first?.status == .badNetworkName)
        try client.connectTree("share")
        client.seals = false
        #expect(try client.call(.create("file")).status == .accessDenied)
        #expect(host.server.denials.last(1).first?.status.cause == .unsealedShare)
    }
}
