import Platform
import SMBWire

/// Decodes a whole message by its command and direction, and encodes it again where the decoded value can be encoded.
/// - Returns: the message encoded again, or nil where only its other side encodes it (requests that borrow their
/// bytes).
func decode(_ bytes: [UInt8]) throws(WireError) -> [UInt8]? {
    let output = PDUBuffer()
    let span = bytes.span.bytes
    var reader = WireReader(span)
    let header = try SMB2Header(from: &reader)
    header.encode(into: output)
    guard let command = SMB2Command(rawValue: header.command) else { throw .invalid("Command") }
    let whole: Bool
    if header.flags.contains(.serverToRedirector) {
        whole = try decodeResponse(command, header.status.rawValue, &reader, into: output)
    } else {
        whole = try decodeRequest(command, &reader, into: output)
    }
    return whole ? output.array(0..<output.count) : nil
}

/// A response's body; see `decode`.
private func decodeResponse(
    _ command: SMB2Command, _ status: UInt32, _ reader: inout WireReader, into output: PDUBuffer
) throws(WireError) -> Bool {
    // Only these statuses come with the command's own body, [MS-SMB2] 3.3.4.4.
    let carriesBody = status == 0 || status == 0xC000_0016 || status == 0x8000_0005 || status == 0x10C
    guard carriesBody else {
        try ErrorResponse(from: &reader).encode(into: output)
        return true
    }
    switch command {
    case .negotiate: try NegotiateResponse(from: &reader).encode(into: output, headerStart: 0)
    case .sessionSetup: try SessionSetupResponse(from: &reader).encode(into: output, headerStart: 0)
    case .logoff: try LogoffResponse(from: &reader).encode(into: output)
    case .treeConnect: try TreeConnectResponse(from: &reader).encode(into: output)
    case .treeDisconnect: try TreeDisconnectResponse(from: &reader).encode(into: output)
    case .create: try CreateResponse(from: &reader).encode(into: output, headerStart: 0)
    case .close: try CloseResponse(from: &reader).encode(into: output)
    case .flush: try FlushResponse(from: &reader).encode(into: output)
    case .read:
        _ = try ReadResponse(from: &reader)
        return false
    case .write: try WriteResponse(from: &reader).encode(into: output)
    case .lock: try LockResponse(from: &reader).encode(into: output)
    case .ioctl: try IoctlResponse(from: &reader).encode(into: output, headerStart: 0)
    case .cancel: throw .invalid("no response")
    case .echo: try EchoResponse(from: &reader).encode(into: output)
    case .queryDirectory, .changeNotify, .queryInfo:
        try BufferResponse(from: &reader).encode(into: output, headerStart: 0)
    case .setInfo: try SetInfoResponse(from: &reader).encode(into: output)
    case .oplockBreak:
        if reader.bytes.byteCount - SMB2Header.byteCount == 44 {
            try LeaseBreakNotification(from: &reader).encode(into: output)
        } else if reader.bytes.byteCount - SMB2Header.byteCount >= 36 {
            try LeaseBreakAcknowledgment(from: &reader).encode(into: output)
        } else {
            try OplockBreak(from: &reader).encode(into: output)
        }
    }
    return true
}

/// A request's body; see `decode`.
private func decodeRequest(
    _ command: SMB2Command, _ reader: inout WireReader, into output: PDUBuffer
) throws(WireError) -> Bool {
    switch command {
    case .negotiate: try NegotiateRequest(from: &reader).encode(into: output, headerStart: 0)
    case .logoff: try LogoffRequest(from: &reader).encode(into: output)
    case .treeDisconnect: try TreeDisconnectRequest(from: &reader).encode(into: output)
    case .close: try CloseRequest(from: &reader).encode(into: output)
    case .flush: try FlushRequest(from: &reader).encode(into: output)
    case .read: try ReadRequest(from: &reader).encode(into: output)
    case .lock: try LockRequest(from: &reader).encode(into: output)
    case .cancel: try CancelRequest(from: &reader).encode(into: output)
    case .echo: try EchoRequest(from: &reader).encode(into: output)
    case .changeNotify: try ChangeNotifyRequest(from: &reader).encode(into: output)
    case .oplockBreak:
        if reader.bytes.byteCount - SMB2Header.byteCount >= 36 {
            try LeaseBreakAcknowledgment(from: &reader).encode(into: output)
        } else {
            try OplockBreak(from: &reader).encode(into: output)
        }
    case .sessionSetup, .treeConnect, .create, .write, .ioctl, .queryDirectory, .queryInfo, .setInfo:
        try decodeBorrowing(command, &reader)
        return false
    }
    return true
}

/// Requests whose decoded form borrows the message's bytes.
private func decodeBorrowing(_ command: SMB2Command, _ reader: inout WireReader) throws(WireError) {
    switch command {
    case .sessionSetup: _ = try SessionSetupRequest(from: &reader)
    case .treeConnect: _ = try TreeConnectRequest(from: &reader)
    case .create:
        let request = try CreateRequest(from: &reader)
        var contexts = CreateContextReader(request.contexts)
        while try contexts.next() {}
    case .write: _ = try WriteRequest(from: &reader)
    case .ioctl: _ = try IoctlRequest(from: &reader)
    case .queryDirectory: _ = try QueryDirectoryRequest(from: &reader)
    case .queryInfo: _ = try QueryInfoRequest(from: &reader)
    case .setInfo: _ = try SetInfoRequest(from: &reader)
    default: throw .invalid("Command")
    }
}
