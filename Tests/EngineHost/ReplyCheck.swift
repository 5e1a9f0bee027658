import NTTypes
import SMBTestClient
import SMBWire

/// What holds for every response, whatever it answers.
public enum ReplyCheck {
    /// Ends the process with the reason if something is wrong.
    public static func check(_ reply: TestReply) {
        guard let problem = problem(in: reply) else { return }
        // A release build keeps the message of a precondition to itself.
        print("\(problem): \(reply.header) \(reply.bytes)")
        preconditionFailure("a response that cannot be")
    }

    /// - Returns: what is wrong with it, nil if nothing is.
    public static func problem(in reply: TestReply) -> String? {
        guard reply.header.flags.contains(.serverToRedirector) else { return "not marked as a response" }
        guard let command = SMB2Command(rawValue: reply.header.command) else {
            return reply.isErrorBody ? nil : "a body for a command that there is not"
        }
        // A session that the connection does not know has no key: that status says it is signed, and is not.
        let isUnsigned = reply.header.signatureLow == 0 && reply.header.signatureHigh == 0
        let isKeyless = reply.status == .userSessionDeleted && isUnsigned
        if reply.hasGoodSignature == false, !isKeyless { return "a wrong signature" }
        if showsUnwritten(reply) { return "memory that was never written" }
        let isGood =
            switch body(of: command, reply.status) {
            case .own: decodes(command, reply)
            case .error: reply.isErrorBody
            case .either: decodes(command, reply) || reply.isErrorBody
            }
        return isGood ? nil : "a body that its status does not go with"
    }

    private enum Body { case own, error, either }

    /// [MS-SMB2] 3.3.4.4. The body alone does not tell: an error's and a buffer's both begin with StructureSize 9.
    private static func body(of command: SMB2Command, _ status: NTStatus) -> Body {
        switch (command, status) {
        case (_, .success), (.sessionSetup, .moreProcessingRequired): .own
        // The bytes that had room, or an error when not one entry had.
        case (.read, .bufferOverflow), (.queryInfo, .bufferOverflow), (.queryDirectory, .bufferOverflow): .either
        // A copy that broke off says how far it came, or which amounts are allowed.
        case (.ioctl, _): .either
        default: .error
        }
    }

    /// Eight bytes of the canary in a row, which no test and no seed writes.
    static func showsUnwritten(_ reply: TestReply) -> Bool {
        // What a fuzzer has written to a file comes back, the canary too.
        let echoes: [SMB2Command] = [.read, .queryDirectory, .queryInfo, .ioctl, .changeNotify, .create, .sessionSetup]
        if echoes.contains(where: { $0.rawValue == reply.header.command }) { return false }
        var run = 0
        for byte in reply.bytes {
            run = byte == EngineHost.canary ? run + 1 : 0
            if run == 8 { return true }
        }
        return false
    }

    private static func decodes(_ command: SMB2Command, _ reply: TestReply) -> Bool {
        func read<Value>(_ body: (inout WireReader) throws(WireError) -> Value) -> Bool {
            (try? reply.decode(body)) != nil
        }
        return switch command {
        case .negotiate: read { r throws(WireError) in try NegotiateResponse(from: &r) }
        case .sessionSetup: read { r throws(WireError) in try SessionSetupResponse(from: &r) }
        case .treeConnect: read { r throws(WireError) in try TreeConnectResponse(from: &r) }
        case .create: read { r throws(WireError) in try CreateResponse(from: &r) }
        case .close: read { r throws(WireError) in try CloseResponse(from: &r) }
        case .read: read { r throws(WireError) in try ReadResponse(from: &r) }
        case .write: read { r throws(WireError) in try WriteResponse(from: &r) }
        case .ioctl: read { r throws(WireError) in try IoctlResponse(from: &r) }
        case .queryDirectory, .changeNotify, .queryInfo: read { r throws(WireError) in try BufferResponse(from: &r) }
        case .setInfo: read { r throws(WireError) in try SetInfoResponse(from: &r) }
        case .logoff, .treeDisconnect, .flush, .lock, .echo: read { r throws(WireError) in try EchoResponse(from: &r) }
        case .oplockBreak: reply.bytes.count >= 64 + 24
        case .cancel: false
        }
    }
}
