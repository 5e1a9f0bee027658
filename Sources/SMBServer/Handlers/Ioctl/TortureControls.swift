import NTTypes
import Platform
import SMBWire

/// What smbtorture's own controls have changed on a connection.
struct TortureState {
    /// Nothing sent seems to arrive.
    var seemsUndelivered = false
    /// Bytes put before the data of READ responses.
    var readPadding = 0
}

/// smbtorture's controls, which Samba's smbd has for its tests and we have for the same tests: only with
/// `smbtorture controls = yes`.
extension IoctlHandler {
    /// - Returns: nil for any other control.
    static func torture(_ control: Control, in context: inout RequestContext) throws(NTStatus) -> [UInt8]? {
        guard context.server.settings.hasTortureControls, control.code.isForTorture else { return nil }
        guard control.input.count == (control.code == .tortureSleep ? 1 : 0) else { throw .invalidParameter }
        switch control.code {
        case .tortureForceUnacknowledged: context.connection.torture.withLock { $0.seemsUndelivered = true }
        case .tortureReadPadding: context.connection.torture.withLock { $0.readPadding = 8 }
        case .tortureIoctlPadding: return [UInt8](repeating: 8, count: control.outputByteCountMax)
        case .tortureSleep:
            // Milliseconds, with the file open: whoever closes it meanwhile must not take it from under us.
            guard context.sessionOrNil != nil else { throw .userSessionDeleted }
            _ = try context.openToChange(control.fileID)
            _ = Semaphore().wait(milliseconds: Int(control.input[0]))
        default: throw .notSupported
        }
        return []
    }
}

extension ReadHandler {
    /// Moves the data of a finished response back by what smbtorture asked for.
    static func pad(_ reply: PDUBuffer, marker: Int, on connection: Connection) {
        let padding = connection.torture.withLock { $0.readPadding }
        let start = marker + ReadResponse.fixedByteCount
        guard padding > 0, reply.count > start else { return }
        let data = reply.array(start..<reply.count)
        reply.count = start
        reply.appendZeros(padding)
        reply.append(data)
        reply.patch(UInt8(SMB2Header.byteCount + ReadResponse.fixedByteCount + padding), at: marker + 2)
    }
}
