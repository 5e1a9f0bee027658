import NTTypes

/// The server's end of one open pipe: bytes in, fragments out. [MS-RPCE] 2.1.1.2 over SMB, C706 chapter 12.
public struct RPCPipe: Sendable {
    /// The client has broken the protocol so that nothing after it can be understood: the pipe is to be closed.
    public struct Broken: Error, Equatable {}

    private struct Partial: Sendable {
        var callID: UInt32
        var contextID: UInt16
        var operation: UInt16
        var isBigEndian: Bool
        var stub: [UInt8]
    }
    private enum Output: Sendable {
        case fragment([UInt8])
        /// A response, and how much of it is sent.
        case response(callID: UInt32, contextID: UInt16, stub: [UInt8], sent: Int)
    }

    public let name: PipeName
    private let limits: RPCLimits
    private var session: RPCSession
    private var contexts: [UInt16: (interface: RPCInterface, syntax: TransferSyntax)] = [:]
    private var isBound = false
    private var transmitByteCountMax: Int
    private var incoming: [UInt8] = []
    private var partial: Partial?
    /// Bytes of the fragments that `partial` has come from.
    private var partialByteCount = 0
    private var bindingHasChanged = false
    private var output: [Output] = []

    public init(name: PipeName, caller: Caller, limits: RPCLimits = RPCLimits()) {
        self.name = name
        self.limits = limits
        session = RPCSession(caller: caller, limits: limits)
        transmitByteCountMax = limits.fragmentByteCountMax
    }

    /// Takes what the client wrote: PDUs, or parts of them, whatever the messages of the pipe they came in.
    /// - Parameter server: is asked until this returns.
    public mutating func receive(_ bytes: some Collection<UInt8>, _ server: any ServerData) throws(Broken) {
        incoming.append(contentsOf: bytes)
        var start = 0
        while incoming.count - start >= PDUHeader.byteCount {
            do throws(RPCFault) {
                let header = try PDUHeader(incoming[start...])
                guard incoming.count - start >= header.fragmentByteCount else { break }
                try process(header, Array(incoming[start..<start + header.fragmentByteCount]), server)
                partialByteCount = partial == nil ? 0 : partialByteCount + header.fragmentByteCount
                start += header.fragmentByteCount
            } catch {
                incoming = []
                partial = nil
                partialByteCount = 0
                output = []
                session = RPCSession(caller: session.caller, limits: limits)
                throw Broken()
            }
        }
        incoming.removeFirst(start)
    }

    /// Bytes of requests that are not whole yet, of responses not read yet, and about those that handles take.
    public var keptByteCount: Int {
        incoming.count + (partial?.stub.count ?? 0) + unreadByteCount + session.handleCount * 256
    }

    /// So many bytes, the last that were received, wait for the rest of their call.
    public var unfinishedByteCount: Int { incoming.count + partialByteCount }

    private var unreadByteCount: Int {
        output.reduce(0) { sum, item in
            switch item {
            case .fragment(let fragment): sum + fragment.count
            case .response(_, _, let stub, _): sum + stub.count
            }
        }
    }

    // MARK: going on in another process

    /// What has changed since this was called last, as `init(restoring:)` takes it. One write can change more than an
    /// answer has room for; the rest comes the next time.
    public mutating func takeRecords() -> [PipeRecord] {
        defer { bindingHasChanged = false }
        return (bindingHasChanged ? [PipeRecord(number: 0, value: binding)] : [])
            + session.takeRecords(byteCountMax: limits.recordByteCountMax)
    }

    private var binding: [UInt8] {
        var writer = RecordWriter()
        writer.number(UInt16(transmitByteCountMax))
        for (identifier, context) in contexts {
            writer.number(identifier)
            writer.number(UInt8(name.interfaces.firstIndex(of: context.interface) ?? 0))
            writer.number(context.syntax == .ndr64 ? 1 as UInt8 : 0)
        }
        return writer.bytes
    }

    /// - Returns: false for what `binding` does not make.
    mutating func restoreBinding(_ value: [UInt8]) -> Bool {
        var reader = RecordReader(value)
        guard let byteCount = reader.number(UInt16.self), byteCount >= 1432, byteCount <= limits.fragmentByteCountMax
        else { return false }
        isBound = true
        transmitByteCountMax = Int(byteCount)
        while !reader.isAtEnd {
            guard let identifier = reader.number(UInt16.self), let index = reader.number(UInt8.self),
                let syntax = reader.number(UInt8.self), index < name.interfaces.count, syntax < 2,
                contexts.count < limits.contextCountMax
            else { return false }
            contexts[identifier] = (name.interfaces[Int(index)], syntax == 1 ? .ndr64 : .ndr)
        }
        return true
    }
    mutating func restoreHandle(_ record: PipeRecord) -> Bool { session.restore(record) }

    // MARK: output

    /// The client has something to read.
    public var hasOutput: Bool { !output.isEmpty }

    /// The next fragment to be read, one message of the pipe.
    public mutating func nextFragment() -> [UInt8]? {
        guard let first = output.first else { return nil }
        switch first {
        case .fragment(let fragment):
            output.removeFirst()
            return fragment
        case .response(let callID, let contextID, let stub, let sent):
            // Of full fragments a multiple of 8, so that alignment is the same in each.
            let room = (transmitByteCountMax - 24) & ~7
            let part = stub[sent..<min(stub.count, sent + room)]
            var flags: PDUFlags = []
            if sent == 0 { flags.insert(.firstFragment) }
            if part.endIndex == stub.count {
                flags.insert(.lastFragment)
                output.removeFirst()
            } else {
                output[0] = .response(callID: callID, contextID: contextID, stub: stub, sent: part.endIndex)
            }
            return PDUHeader(type: .response, flags: flags, callID: callID).encode { writer in
                writer.number(UInt32(stub.count - sent))
                writer.number(contextID)
                writer.number(0 as UInt16)
                writer.append(part)
            }
        }
    }

    // MARK: PDUs

    /// - Throws: what is so wrong that the pipe must be closed.
    private mutating func process(
        _ header: PDUHeader, _ fragment: [UInt8], _ server: any ServerData
    ) throws(RPCFault) {
        switch header.type {
        case .bind: try bind(header, fragment[...], server)
        case .alterContext:
            guard isBound else { throw .protocolError }
            try bind(header, fragment[...], server)
        case .request: try request(header, fragment[...], server)
        // 12.6.4.7, 12.6.4.9: calls run to their end at once, so there is nothing to stop.
        case .cancel: break
        case .orphaned: if partial?.callID == header.callID { partial = nil }
        default: throw .protocolError
        }
    }

    private mutating func bind(
        _ header: PDUHeader, _ fragment: ArraySlice<UInt8>, _ server: any ServerData
    ) throws(RPCFault) {
        // What is said over a pipe is protected by its SMB session; there is no security provider of RPC's own.
        guard header.authenticationByteCount == 0 else { return refuseBind(header, reason: 8) }
        let request = try BindRequest(fragment, isBigEndian: header.isBigEndian, limits: limits)
        let isFirst = header.type == .bind
        if isFirst {
            guard !isBound else { throw .protocolError }
            // 12.6.3.1: everybody can take 1432 bytes.
            guard request.receiveByteCountMax >= 1432 else { return refuseBind(header, reason: 2) }
            transmitByteCountMax = min(limits.fragmentByteCountMax, Int(request.receiveByteCountMax))
        }
        isBound = true
        bindingHasChanged = true
        let results = request.contexts.map { context in accept(context, among: request.contexts) }
        let answer = BindAnswer(
            transmitByteCountMax: UInt16(transmitByteCountMax), receiveByteCountMax: UInt16(transmitByteCountMax),
            associationGroup: request.associationGroup == 0
                // Never 0, which asks for a new one.
                ? UInt32(truncatingIfNeeded: server.randomUInt64()) | 1 : request.associationGroup,
            secondaryAddress: isFirst ? "\\PIPE\\\(name.rawValue)" : "", results: results)
        let type: PDUType = isFirst ? .bindAck : .alterContextResponse
        output.append(
            .fragment(PDUHeader(type: type, callID: header.callID).encode { answer.encode(into: &$0) }))
    }

    private mutating func accept(
        _ context: BindRequest.Context, among all: [BindRequest.Context]
    ) -> BindAnswer.Result {
        if let features = context.transferSyntaxes.first?.proposedFeatures {
            // [MS-RPCE] 3.3.1.5.3: an orphaned call leaves the connection as it is (2); there are no security contexts
            // (1).
            return .features(UInt16(features & 2))
        }
        guard let interface = name.interfaces.first(where: { $0.syntax.isCompatible(with: context.abstractSyntax) })
        else { return .unknownInterface }
        guard contexts[context.identifier] != nil || contexts.count < limits.contextCountMax else {
            return .localLimitExceeded
        }
        if context.transferSyntaxes.contains(.ndr) {
            contexts[context.identifier] = (interface, .ndr)
            return .accepted(.ndr)
        }
        // Who offers both in two contexts gets one of them, [MS-RPCE] 3.3.1.5.6: the one that everybody speaks.
        let offersNDR = all.contains {
            $0.abstractSyntax == context.abstractSyntax && $0.transferSyntaxes.contains(.ndr)
        }
        guard context.transferSyntaxes.contains(.ndr64), !offersNDR else { return .unknownTransferSyntaxes }
        contexts[context.identifier] = (interface, .ndr64)
        return .accepted(.ndr64)
    }

    /// bind_nak, C706 12.6.4.5, with the version that is spoken here.
    private mutating func refuseBind(_ header: PDUHeader, reason: UInt16) {
        let fragment = PDUHeader(type: .bindNak, callID: header.callID).encode { writer in
            writer.number(reason)
            writer.append([1, 5, 0, 0, 0, 0])
        }
        output.append(.fragment(fragment))
    }

    /// A fragment of a request, C706 12.6.4.9; the call runs when the last is there.
    private mutating func request(
        _ header: PDUHeader, _ fragment: ArraySlice<UInt8>, _ server: any ServerData
    ) throws(RPCFault) {
        var reader = NDRReader(fragment, isBigEndian: header.isBigEndian)
        try reader.skip(PDUHeader.byteCount + 4)
        let contextID = try reader.number(UInt16.self)
        let operation = try reader.number(UInt16.self)
        if header.flags.contains(.objectUUID) { try reader.skip(16) }
        if header.authenticationByteCount != 0 {
            partial = nil
            return fail(header.callID, contextID, .accessDenied)
        }
        let stub = fragment.dropFirst(reader.offset)
        if header.flags.contains(.firstFragment) {
            guard partial == nil else { throw .protocolError }
            partial = Partial(
                callID: header.callID, contextID: contextID, operation: operation, isBigEndian: header.isBigEndian,
                stub: Array(stub))
        } else {
            guard let whole = partial, whole.callID == header.callID else { throw .protocolError }
            guard whole.stub.count + stub.count <= limits.requestByteCountMax else { throw .noMemory }
            partial?.stub.append(contentsOf: stub)
        }
        guard header.flags.contains(.lastFragment), let call = partial else { return }
        partial = nil
        run(call, server)
    }

    private mutating func run(_ call: Partial, _ server: any ServerData) {
        guard let context = contexts[call.contextID] else {
            return fail(call.callID, call.contextID, .unknownInterface)
        }
        guard unreadByteCount <= limits.unreadByteCountMax else {
            return fail(call.callID, call.contextID, .noMemory)
        }
        let reader = NDRReader(
            call.stub[...], syntax: context.syntax, isBigEndian: call.isBigEndian,
            elementCountMax: limits.elementCountMax)
        do throws(RPCFault) {
            let stub = try context.interface.call(call.operation, reader, &session, server)
            output.append(.response(callID: call.callID, contextID: call.contextID, stub: stub, sent: 0))
        } catch {
            fail(call.callID, call.contextID, error)
        }
    }

    /// fault, C706 12.6.4.7. Nothing is ever done by halves: whatever faults has not been executed.
    private mutating func fail(_ callID: UInt32, _ contextID: UInt16, _ fault: RPCFault) {
        let header = PDUHeader(type: .fault, flags: [.whole, .didNotExecute], callID: callID)
        let fragment = header.encode { writer in
            writer.number(0 as UInt32)
            writer.number(contextID)
            writer.number(0 as UInt16)
            writer.number(fault.status)
            writer.number(0 as UInt32)
        }
        output.append(.fragment(fragment))
    }
}

extension SyntaxIdentifier {
    /// C706 12.6.4.3: same major version, and a minor one that is not newer than ours.
    func isCompatible(with asked: SyntaxIdentifier) -> Bool {
        uuid == asked.uuid && version & 0xFFFF == asked.version & 0xFFFF && asked.version >> 16 <= version >> 16
    }
}
