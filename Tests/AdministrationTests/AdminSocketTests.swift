import Administration
import Foundation
import Platform
import Testing

@Suite struct AdminSocketTests {
    /// A server with a socket of its own.
    private func withServer(_ verbs: [AdminVerb], _ body: (String) throws -> Void) throws {
        let policy = AdminPolicy(ownUserID: geteuid(), groupID: nil)
        let path = "/tmp/apus-admin-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let server = try AdminServer(path: path, policy: policy, verbs: verbs, log: { _ in })
        #expect(server.start())
        defer { server.stop() }
        try body(path)
    }

    private func ask(_ path: String, _ request: JSON) throws -> [JSON] {
        var answer: [JSON] = []
        try AdminClient.ask(path, request) {
            answer.append($0); return true
        }
        return answer
    }

    private let count = AdminVerb("count") { request, reply throws(AdminError) in
        for number in 0..<(try request.number("to")) { _ = reply.send(["number": JSON(number)]) }
    }

    @Test func answersOfAnyLengthArriveWhole() throws {
        try withServer([count]) { path in
            let none = try ask(path, ["verb": "count", "to": 0])
            #expect(none.isEmpty)
            let answer = try ask(path, ["verb": "count", "to": 20_000])
            #expect(answer.map { $0["number"]?.integer } == (0..<20_000).map { $0 })
        }
    }

    @Test func mistakesAreExplained() throws {
        try withServer([count]) { path in
            #expect(throws: AdminError("count wants a number 'to'")) { try ask(path, ["verb": "count"]) }
            #expect(throws: AdminError.self) { try ask(path, ["verb": "dance"]) }
            #expect(throws: AdminError.self) { try ask(path, "status") }
            #expect(throws: AdminError.self) {
                try ask(path, ["verb": .string(String(repeating: "x", count: AdminRequest.byteCountMax))])
            }
            // And the next one is answered all the same.
            let answers = try ask(path, ["verb": "count", "to": 1]).count
            #expect(answers == 1)
        }
    }

    @Test func onlyTheOwnerRootAndTheGroupAreAdmitted() {
        let policy = AdminPolicy(ownUserID: 7, groupID: 50)
        func caller(_ user: UInt32, _ groups: [UInt32]) -> AdminCaller {
            AdminCaller(userID: user, groupIDs: groups, processID: 1)
        }
        #expect(policy.admits(caller(0, [0])))
        #expect(policy.admits(caller(7, [7])))
        #expect(policy.admits(caller(8, [8, 50])))
        #expect(!policy.admits(caller(8, [8, 0])))
        #expect(!AdminPolicy(ownUserID: 7, groupID: nil).admits(caller(8, [8, 50])))
    }

    @Test func theSocketIsNobodyElsesFile() throws {
        try withServer([]) { path in
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test func aNameInUseIsLeftAloneAndAStaleOneIsTakenOver() throws {
        try withServer([count]) { path in
            #expect(throws: AdminError.self) {
                try AdminServer(
                    path: path, policy: AdminPolicy(ownUserID: geteuid(), groupID: nil), verbs: [], log: { _ in })
            }
            let answers = try ask(path, ["verb": "count", "to": 1]).count
            #expect(answers == 1)
        }
        let path = "/tmp/apus-admin-stale-\(getpid())"
        for _ in 0..<2 {
            let server = try AdminServer(
                path: path, policy: AdminPolicy(ownUserID: geteuid(), groupID: nil), verbs: [count], log: { _ in })
            #expect(server.start())
            let answers = try ask(path, ["verb": "count", "to": 1]).count
            #expect(answers == 1)
            // Ends without taking its name away, as a process that was killed does.
            #expect(rename(path, path + ".kept") == 0)
            server.stop()
            #expect(rename(path + ".kept", path) == 0)
        }
        unlink(path)
    }

    @Test func aVerbThatWaitsLearnsThatNobodyWaitsForIt() throws {
        let ended = Semaphore()
        let wait = AdminVerb("wait") { _, reply throws(AdminError) in
            _ = reply.send(["here": true])
            while reply.isAwaited { usleep(1000) }
            ended.signal()
        }
        try withServer([wait]) { path in
            try AdminClient.ask(path, ["verb": "wait"]) { _ in false }
            #expect(ended.wait(milliseconds: 5000))
        }
    }
}
