import NTTypes

/// Connection-oriented PDU types, C706 12.6.4.
struct PDUType: RawRepresentable, Equatable {
    let rawValue: UInt8
    static var request: Self { .init(rawValue: 0) }
    static var response: Self { .init(rawValue: 2) }
    static var fault: Self { .init(rawValue: 3) }
    static var bind: Self { .init(rawValue: 11) }
    static var bindAck: Self { .init(rawValue: 12) }
    static var bindNak: Self { .init(rawValue: 13) }
    static var alterContext: Self { .init(rawValue: 14) }
    static var alterContextResponse: Self { .init(rawValue: 15) }
    static var cancel: Self { .init(rawValue: 18) }
    static var orphaned: Self { .init(rawValue: 19) }
}

struct PDUFlags: OptionSet {
    let rawValue: UInt8
    static var firstFragment: Self { .init(rawValue: 0x01) }
    static var lastFragment: Self { .init(rawValue: 0x02) }
    /// No part of the call was carried out.
    static var didNotExecute: Self { .init(rawValue: 0x20) }
    static var objectUUID: Self { .init(rawValue: 0x80) }
    static var whole: Self { [.firstFragment, .lastFragment] }
}

/// The 16 bytes that every PDU starts with, C706 12.6.3.1.
struct PDUHeader: Equatable {
    static var byteCount: Int { 16 }
    var type: PDUType
    var flags: PDUFlags
    var isBigEndian = false
    /// Of the whole fragment, in bytes.
    var fragmentByteCount: Int
    /// Of the authentication verifier at its end, without the 8 bytes before it.
    var authenticationByteCount = 0
    var callID: UInt32

    init(type: PDUType, flags: PDUFlags = .whole, callID: UInt32) {
        self.type = type
        self.flags = flags
        self.callID = callID
        fragmentByteCount = 0
    }

    /// - Throws: protocolError for what is no header of version 5.
    init(_ bytes: ArraySlice<UInt8>) throws(RPCFault) {
        guard bytes.count >= Self.byteCount else { throw .protocolError }
        let start = bytes.startIndex
        // 14.2.5: characters are ASCII, floats IEEE; which of the two orders integers have is the sender's choice.
        guard bytes[start] == 5, bytes[start + 1] <= 1, bytes[start + 4] & 0xEF == 0 else { throw .protocolError }
        type = PDUType(rawValue: bytes[start + 2])
        flags = PDUFlags(rawValue: bytes[start + 3])
        isBigEndian = bytes[start + 4] & 0x10 == 0
        var reader = NDRReader(bytes, isBigEndian: isBigEndian)
        try reader.skip(8)
        fragmentByteCount = Int(try reader.number(UInt16.self))
        authenticationByteCount = Int(try reader.number(UInt16.self))
        callID = try reader.number()
        guard fragmentByteCount >= Self.byteCount,
            authenticationByteCount == 0 || authenticationByteCount + 8 <= fragmentByteCount - Self.byteCount
        else { throw .protocolError }
    }

    /// The fragment: this header, then what `body` writes, which counts its alignment from the header's start.
    func encode(_ body: (inout NDRWriter) -> Void) -> [UInt8] {
        var writer = NDRWriter()
        writer.append([5, 0, type.rawValue, flags.rawValue, 0x10, 0, 0, 0, 0, 0, 0, 0])
        writer.number(callID)
        body(&writer)
        var fragment = writer.bytes
        fragment[8] = UInt8(truncatingIfNeeded: fragment.count)
        fragment[9] = UInt8(truncatingIfNeeded: fragment.count >> 8)
        return fragment
    }
}

/// bind and alter_context, C706 12.6.4.3 and 12.6.4.1.
struct BindRequest: Equatable {
    struct Context: Equatable {
        var identifier: UInt16
        var abstractSyntax: SyntaxIdentifier
        var transferSyntaxes: [SyntaxIdentifier]
    }
    var transmitByteCountMax: UInt16
    var receiveByteCountMax: UInt16
    var associationGroup: UInt32
    var contexts: [Context] = []

    /// - Parameter fragment: the whole PDU.
    init(_ fragment: ArraySlice<UInt8>, isBigEndian: Bool, limits: RPCLimits) throws(RPCFault) {
        var reader = NDRReader(fragment, isBigEndian: isBigEndian)
        try reader.skip(PDUHeader.byteCount)
        transmitByteCountMax = try reader.number()
        receiveByteCountMax = try reader.number()
        associationGroup = try reader.number()
        let count = Int(try reader.number(UInt8.self))
        guard count <= limits.contextCountMax else { throw .protocolError }
        try reader.skip(3)
        for _ in 0..<count {
            let identifier = try reader.number(UInt16.self)
            let syntaxCount = Int(try reader.number(UInt8.self))
            try reader.skip(1)
            var context = Context(
                identifier: identifier, abstractSyntax: try reader.syntaxIdentifier(), transferSyntaxes: [])
            for _ in 0..<syntaxCount { context.transferSyntaxes.append(try reader.syntaxIdentifier()) }
            contexts.append(context)
        }
    }
}

/// bind_ack and alter_context_resp, C706 12.6.4.4 and 12.6.4.2.
struct BindAnswer {
    struct Result {
        /// 0 acceptance, 2 provider rejection, 3 negotiate_ack of [MS-RPCE] 2.2.2.4.
        var result: UInt16
        var reason: UInt16
        var transferSyntax = SyntaxIdentifier.none
        static func accepted(_ syntax: SyntaxIdentifier) -> Self { .init(result: 0, reason: 0, transferSyntax: syntax) }
        static var unknownInterface: Self { .init(result: 2, reason: 1) }
        static var unknownTransferSyntaxes: Self { .init(result: 2, reason: 2) }
        static var localLimitExceeded: Self { .init(result: 2, reason: 3) }
        static func features(_ bits: UInt16) -> Self { .init(result: 3, reason: bits) }
    }
    var transmitByteCountMax: UInt16
    var receiveByteCountMax: UInt16
    var associationGroup: UInt32
    /// The pipe's name as a client of the endpoint mapper would need it; empty in alter_context_resp.
    var secondaryAddress: String
    var results: [Result]

    func encode(into writer: inout NDRWriter) {
        writer.number(transmitByteCountMax)
        writer.number(receiveByteCountMax)
        writer.number(associationGroup)
        let address = secondaryAddress.isEmpty ? [] : Array(secondaryAddress.utf8) + [0]
        writer.number(UInt16(address.count))
        writer.append(address)
        writer.align(4)
        writer.number(UInt32(results.count))
        for result in results {
            writer.number(result.result)
            writer.number(result.reason)
            writer.syntaxIdentifier(result.transferSyntax)
        }
    }
}
