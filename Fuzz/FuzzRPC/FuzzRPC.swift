import DCERPC
import FuzzDriver

@_cdecl("FuzzRPC_main")
public func main(_ count: CInt, _ arguments: Arguments) -> CInt { fuzz(count, arguments, seeds: seeds, run: fuzzRPC) }

/// What one client does with one pipe. The first byte says which pipe, who the client is, and how it lays values out;
/// then come records: a byte of `Step`, a length in two bytes (little-endian), as many bytes.
private func fuzzRPC(_ input: [UInt8]) {
    guard let first = input.first else { return }
    var client = Client(
        PipeName.allCases[Int(first & 3)], callers[Int(first >> 2 & 3)],
        isNDR64: first & 0x10 != 0)
    var rest = input.dropFirst()
    for _ in 0..<16 {
        guard rest.count >= 3 else { return }
        let head = Array(rest.prefix(3))
        let body = Array(rest.dropFirst(3).prefix(Int(head[1]) | Int(head[2]) << 8))
        rest = rest.dropFirst(3 + body.count)
        guard client.take(Step(rawValue: head[0]), body) else { return }
    }
}

private let callers = [
    Caller(user: "alice", domain: "APUS", address: "192.0.2.1"),
    Caller(user: "root", domain: "APUS", isAdministrator: true, address: "192.0.2.1"),
    Caller(user: "", domain: "", isAnonymous: true, address: "192.0.2.1"),
    Caller(user: "guest", domain: "APUS", isGuest: true, address: "192.0.2.1"),
]

/// What a record's bytes are.
struct Step: OptionSet {
    let rawValue: UInt8
    /// Bytes as they are. Otherwise an operation's number, in a byte, and its arguments: what a fuzzer cannot guess is
    /// put around them.
    static let raw = Step(rawValue: 1)
    /// The newest handle, or the one before it, goes before the arguments.
    static let newestHandle = Step(rawValue: 2)
    static let olderHandle = Step(rawValue: 4)
    /// In three fragments.
    static let fragmented = Step(rawValue: 8)
    static let bigEndian = Step(rawValue: 16)
    /// Before it, another process takes over.
    static let anotherProcess = Step(rawValue: 32)
    /// Its bytes are a record that another process takes over with, number 0 or 1.
    static let record = Step(rawValue: 64)
}

private struct Client {
    var pipe: RPCPipe
    let server = FuzzServer()
    private let caller: Caller
    /// What the pipe has told of itself, and what was written of a call that is not whole.
    private var records: [UInt32: [UInt8]] = [:]
    private var unfinished: [UInt8] = []
    /// Context handles that answers ended with.
    private var handles: [[UInt8]] = []

    init(_ name: PipeName, _ caller: Caller, isNDR64: Bool) {
        pipe = RPCPipe(name: name, caller: caller)
        self.caller = caller
        let bind = PDUs.bind(pipe.name, isNDR64: isNDR64)
        guard (try? self.pipe.receive(bind, server)) != nil else { preconditionFailure("a good bind is taken") }
        drain()
    }

    /// - Returns: false if the pipe is broken.
    mutating func take(_ step: Step, _ body: [UInt8]) -> Bool {
        if step.contains(.record) {
            let record = PipeRecord(number: UInt32((body.first ?? 0) & 1), value: Array(body.dropFirst()))
            _ = RPCPipe(name: pipe.name, caller: caller, restoring: [record])
            return true
        }
        if step.contains(.anotherProcess) { takeOver() }
        let bytes: [UInt8]
        if step.contains(.raw) {
            bytes = body
        } else {
            guard let operation = body.first else { return true }
            var stub = Array(body.dropFirst().prefix(50_000))
            let place = step.contains(.olderHandle) ? 2 : step.contains(.newestHandle) ? 1 : 0
            if place > 0 { stub = (handles.dropLast(place - 1).last ?? [UInt8](repeating: 0, count: 20)) + stub }
            // The high bit is the context's number.
            bytes = PDUs.request(
                operation & 0x7F, context: operation >> 7, stub, fragmentCount: step.contains(.fragmented) ? 3 : 1,
                isBigEndian: step.contains(.bigEndian))
        }
        guard (try? pipe.receive(bytes, server)) != nil else {
            precondition(pipe.keptByteCount == 0, "a broken pipe keeps nothing")
            return false
        }
        unfinished += bytes
        drain()
        return true
    }

    /// Another process goes on with the pipe, where the client has read all that there was.
    private mutating func takeOver() {
        let known = records.map { PipeRecord(number: $0.key, value: $0.value) }
        guard let other = RPCPipe(name: pipe.name, caller: caller, restoring: known) else {
            preconditionFailure("its own records are taken")
        }
        let before = (pipe.keptByteCount, pipe.unfinishedByteCount)
        pipe = other
        guard (try? pipe.receive(unfinished, server)) != nil else { preconditionFailure("nothing new was received") }
        while pipe.nextFragment() != nil {}
        precondition(before == (pipe.keptByteCount, pipe.unfinishedByteCount), "it is as it was")
    }

    /// Reads all that there is, and checks that it is what a client can take.
    private mutating func drain() {
        let limits = RPCLimits()
        // Thousands of refusals of 32 bytes, for a write of 64 KiB.
        let unreadByteCountMax = limits.unreadByteCountMax + limits.responseByteCountMax + 3000 * 32
        // A handle counts for 256 bytes.
        let heldByteCountMax = limits.requestByteCountMax + limits.handleCountMax * 256 + 65_536
        precondition(pipe.keptByteCount <= unreadByteCountMax + heldByteCountMax)
        var response: [UInt8] = []
        while let fragment = pipe.nextFragment() {
            precondition(fragment.count >= 16 && fragment.count <= limits.fragmentByteCountMax, "a fragment's size")
            precondition(Int(fragment[8]) | Int(fragment[9]) << 8 == fragment.count, "a fragment's length")
            precondition(fragment[0] == 5 && [2, 3, 12, 13, 15].contains(fragment[2]), "a fragment's type")
            guard fragment[2] == 2 else { continue }
            if fragment[3] & 1 != 0 { response = [] }
            response += fragment[24...]
            // An enumeration's last entry may pass the limit.
            precondition(response.count <= limits.responseByteCountMax + 65_536, "a response's size")
            let handle = Array(response.suffix(24).prefix(20))
            if fragment[3] & 2 != 0, handle.count == 20, handle[8..<12] == FuzzServer.mark { handles.append(handle) }
        }
        precondition(!pipe.hasOutput)
        precondition(pipe.keptByteCount <= heldByteCountMax + limits.fragmentByteCountMax)
        unfinished = Array(unfinished.suffix(pipe.unfinishedByteCount))
        while case let changes = pipe.takeRecords(), !changes.isEmpty {
            for change in changes { records[change.number] = change.value.isEmpty ? nil : change.value }
        }
    }
}

/// A call of each operation, without arguments; what real clients have sent is in the corpus.
private func seeds() -> [String: [UInt8]] {
    var seeds: [String: [UInt8]] = [:]
    for (index, name) in PipeName.allCases.enumerated() {
        for operation in 0..<80 as Range<UInt8> {
            seeds["\(name)-\(operation)"] = [4 | UInt8(index), 0, 1, 0, operation]
        }
    }
    return seeds
}
