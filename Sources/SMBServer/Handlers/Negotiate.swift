import NTTypes
import Platform
import SMBCrypto
import SMBWire

/// Receiving an SMB2 NEGOTIATE Request, [MS-SMB2] 3.3.5.4.
enum NegotiateHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        // Negotiating twice is answered by closing the connection, except after the multi-protocol 0x02FF.
        if let earlier = context.connection.negotiated, !earlier.isProvisional {
            context.disconnectReason = .protocolViolation("a second NEGOTIATE")
            throw .invalidParameter
        }
        let request: NegotiateRequest
        do { request = try NegotiateRequest(from: &reader) } catch { throw .invalidParameter }
        let message = reader.bytes.array
        var (negotiated, contexts) = try choose(request, context.server.settings)
        if negotiated.dialect == .smb311 {
            var hash = PreauthIntegrityHash()
            // SAFETY: the array outlives the call.
            unsafe message.withUnsafeBytes { unsafe hash.update($0) }
            negotiated.preauthHash = hash
            context.preauthTarget = .connection
        }
        try adopt(negotiated, context.connection)
        response(negotiated, contexts, context.server).encode(into: context.reply, headerStart: context.headerStart)
    }

    /// Settles everything from the client's lists and the server's preferences.
    private static func choose(
        _ request: NegotiateRequest, _ settings: ServerSettings
    ) throws(NTStatus) -> (Connection.Negotiated, [NegotiateContext]) {
        guard !request.dialects.isEmpty else { throw .invalidParameter }
        let common = request.dialects.compactMap(Dialect.init(rawValue:)).filter {
            $0 >= settings.dialectMin && $0 <= settings.dialectMax
        }
        guard let dialect = common.max() else { throw .notSupported }
        var negotiated = makeNegotiated(
            dialect, clientGUID: request.clientGUID, capabilities: request.capabilities.rawValue,
            securityMode: request.securityMode.rawValue, settings)
        guard dialect == .smb311 else {
            // [MS-SMB2] 3.3.5.4: 3.0 and 3.0.2 know one cipher, offered by a capability bit.
            let canSeal = request.capabilities.contains(.encryption) && settings.encryption != .disabled
            if dialect.isSMB3, canSeal, settings.ciphers.contains(.aes128CCM) {
                negotiated.cipher = Cipher.aes128CCM.rawValue
                negotiated.serverCapabilities |= ServerCapabilities.encryption.rawValue
            }
            return (negotiated, [])
        }
        let contexts = try chooseContexts(request.contexts, settings, &negotiated)
        return (negotiated, contexts)
    }

    private static func makeNegotiated(
        _ dialect: Dialect, clientGUID: GUID, capabilities: UInt32, securityMode: UInt16, _ settings: ServerSettings
    ) -> Connection.Negotiated {
        // Large MTU is what multi-credit requests are called here.
        let isMultiCredit = dialect >= .smb210
        var offered: ServerCapabilities = isMultiCredit ? [.largeMTU] : []
        if isMultiCredit, settings.grantsLeases {
            offered.insert(.leasing)
            // [MS-SMB2] 3.3.5.4: of SMB 3, for clients that say they know of them, as smbd has it. impacket does not,
            // and its half-written code for them fails where it is offered.
            if dialect.isSMB3, settings.grantsDirectoryLeases,
                ServerCapabilities(rawValue: capabilities).contains(.directoryLeasing)
            {
                offered.insert(.directoryLeasing)
            }
        }
        if dialect.isSMB3, settings.isMultichannel { offered.insert(.multiChannel) }
        return Connection.Negotiated(
            dialect: dialect, clientGUID: clientGUID, clientCapabilities: capabilities,
            clientSecurityMode: securityMode,
            serverCapabilities: offered.rawValue,
            serverSecurityMode: settings.signing == .required ? 3 : 1,
            signingAlgorithm: dialect.isSMB3
                ? SigningAlgorithm.aesCMAC.rawValue : SigningAlgorithm.hmacSHA256.rawValue,
            supportsMultiCredit: isMultiCredit)
    }

    /// The contexts of 3.1.1, [MS-SMB2] 3.3.5.4: by the server's preference, never by the client's order.
    private static func chooseContexts(
        _ offered: [NegotiateContext], _ settings: ServerSettings, _ negotiated: inout Connection.Negotiated
    ) throws(NTStatus) -> [NegotiateContext] {
        var answer: [NegotiateContext] = []
        var seen: Set<UInt16> = []
        for context in offered {
            switch context {
            case .preauthIntegrity(let algorithms, _):
                guard seen.insert(1).inserted else { throw .invalidParameter }
                guard algorithms.contains(HashAlgorithm.sha512.rawValue) else {
                    throw .smbNoPreauthIntegrityHashOverlap
                }
            case .encryption(let ciphers):
                guard seen.insert(2).inserted, !ciphers.isEmpty else { throw .invalidParameter }
                guard settings.encryption != .disabled else { continue }
                // No overlap is said with cipher 0, and the connection goes on without sealing.
                negotiated.cipher = settings.ciphers.map(\.rawValue).first(where: ciphers.contains) ?? 0
                answer.append(.encryption(ciphers: [negotiated.cipher]))
            case .signing(let algorithms):
                guard seen.insert(8).inserted, !algorithms.isEmpty else { throw .invalidParameter }
                let preferred = settings.signingAlgorithms.map(\.rawValue)
                guard let chosen = preferred.first(where: algorithms.contains) else { continue }
                negotiated.signingAlgorithm = chosen
                answer.append(.signing(algorithms: [chosen]))
            case .compression(let algorithms, _):
                guard seen.insert(3).inserted, !algorithms.isEmpty else { throw .invalidParameter }
            case .posix(POSIXWire.version) where settings.offersPOSIX:
                guard seen.insert(0x100).inserted else { throw .invalidParameter }
                negotiated.supportsPOSIX = true
                answer.append(.posix(POSIXWire.version))
            default: continue
            }
        }
        guard seen.contains(1) else { throw .invalidParameter }
        return answer
    }

    private static func adopt(_ negotiated: Connection.Negotiated, _ connection: Connection) throws(NTStatus) {
        let isFirst = connection.state.withLock { state in
            guard state.negotiated == nil || state.negotiated?.isProvisional == true else { return false }
            state.negotiated = negotiated
            return true
        }
        guard isFirst else { throw .invalidParameter }
        connection.server.clientConnections.insert(connection, of: negotiated.clientGUID)
        // It may have ended meanwhile.
        if connection.state.withLock({ $0.isGone }) {
            connection.server.clientConnections.remove(connection, of: negotiated.clientGUID)
        }
    }

    static func response(
        _ negotiated: Connection.Negotiated, _ chosen: [NegotiateContext], _ server: Server
    ) -> NegotiateResponse {
        let limits = server.limits
        // 2.0.2 has no multi-credit requests, so one credit's worth is the most a request can carry.
        let largest = negotiated.supportsMultiCredit ? UInt32.max : 65_536
        var contexts = chosen
        if negotiated.dialect == .smb311 {
            var salt: [UInt8] = []
            for _ in 0..<4 {
                var random = server.environment.randomUInt64()
                for _ in 0..<8 {
                    salt.append(UInt8(truncatingIfNeeded: random))
                    random >>= 8
                }
            }
            contexts.insert(.preauthIntegrity(algorithms: [HashAlgorithm.sha512.rawValue], salt: salt), at: 0)
        }
        return NegotiateResponse(
            securityMode: NegotiateSecurityMode(rawValue: negotiated.serverSecurityMode),
            dialectRevision: negotiated.isProvisional ? Dialect.wildcardRevision : negotiated.dialect.rawValue,
            serverGUID: server.settings.serverGUID,
            capabilities: ServerCapabilities(rawValue: negotiated.serverCapabilities),
            maxTransactSize: min(limits.transactByteCountMax, largest),
            maxReadSize: min(limits.readByteCountMax, largest),
            maxWriteSize: min(limits.writeByteCountMax, largest), systemTime: server.environment.now(),
            // A start time tells strangers how long a machine has gone without updates; 0 says nothing.
            serverStartTime: FileTime(rawValue: 0), securityBuffer: server.accessControl.initialToken(),
            contexts: contexts)
    }

    /// What "SMB 2.???" is answered with, [MS-SMB2] 3.3.5.3.1: any SMB2 dialect, to be settled by the NEGOTIATE to
    /// come.
    static func provisional(_ settings: ServerSettings) -> Connection.Negotiated {
        var negotiated = makeNegotiated(
            .smb210, clientGUID: .zero, capabilities: 0, securityMode: 0, settings)
        negotiated.isProvisional = true
        return negotiated
    }

    /// What "SMB 2.002" settles, [MS-SMB2] 3.3.5.3.2.
    static func smb202(_ settings: ServerSettings) -> Connection.Negotiated {
        makeNegotiated(.smb202, clientGUID: .zero, capabilities: 0, securityMode: 0, settings)
    }
}

extension Connection {
    /// An SMB1 NEGOTIATE that offers SMB2, [MS-SMB2] 3.3.5.3: the one SMB1 message that is understood.
    func receiveMultiProtocolNegotiate(
        _ message: UnsafeMutableRawBufferPointer, reply: PDUBuffer
    ) throws(DisconnectReason) {
        guard state.withLock({ $0.negotiated == nil }) else { throw .protocolViolation("SMB1 after NEGOTIATE") }
        let request: SMB1Negotiate
        do {
            // SAFETY: the span ends with this scope, the message later.
            var reader = unsafe WireReader(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(message)))
            request = try SMB1Negotiate(from: &reader)
        } catch { throw .protocolViolation("an SMB1 message other than NEGOTIATE") }
        let settings = server.settings
        let negotiated: Negotiated
        if request.offersSMB2Wildcard, settings.dialectMax >= .smb210 {
            negotiated = NegotiateHandler.provisional(settings)
        } else if request.offersSMB202, settings.dialectMin <= .smb202 {
            negotiated = NegotiateHandler.smb202(settings)
        } else {
            throw .protocolViolation("an SMB1 client")
        }
        // The SMB1 message has no message ID; the reply counts as message 0, [MS-SMB2] 3.3.5.3.1.
        let granted = state.withLock { state in
            state.negotiated = negotiated
            _ = state.window.consume(first: 0, charge: 1)
            return state.window.grant(requested: 1)
        }
        var header = SMB2Header()
        header.flags = .serverToRedirector
        header.credits = granted
        let start = reply.count
        header.encode(into: reply)
        NegotiateHandler.response(negotiated, [], server).encode(into: reply, headerStart: start)
    }
}
