import FileStore
import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 QUERY_INFO Request, [MS-SMB2] 3.3.5.20.
enum QueryInfoHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let query: InformationQuery
        do {
            let request = try QueryInfoRequest(from: &reader)
            query = InformationQuery(
                type: request.infoType, informationClass: request.informationClass,
                additionalInformation: request.additionalInformation, flags: request.flags,
                input: request.input.array)
            // 3.3.5.20: the larger of what comes and what is to go back is what the request has to pay for.
            let payload = max(Int(request.outputBufferLength), request.input.byteCount)
            try context.requireTransactSize(payload)
            let open = try context.open(request.fileID)
            try handle(query, on: open, limit: Int(request.outputBufferLength), in: &context)
        } catch let status as NTStatus { throw status } catch { throw .invalidParameter }
    }

    static func handle(
        _ query: InformationQuery, on open: Open, limit: Int, in context: inout RequestContext
    ) throws(NTStatus) {
        let output = OutputBuffer(in: context.reply, limit: limit)
        if let pipe = open.pipe, try encodePipeInformation(query, of: pipe, open, into: output, in: &context) {
            context.status = output.end()
            return
        }
        switch query.type {
        case 1: try encodeFileInformation(query, of: open, into: output, in: &context)
        case 2: try encodeFileSystemInformation(query, of: open, into: output, in: &context)
        case 3: try encodeSecurityInformation(query, of: open, into: output, in: &context)
        // 3.3.5.20.4: without quotas.
        case 4: throw .notSupported
        default: throw .invalidParameter
        }
        let cut = output.end()
        if context.status == .success { context.status = cut }
    }
}

/// What a QUERY_INFO request asks, apart from file and size.
struct InformationQuery {
    /// InfoType: 1 file, 2 file system, 3 security, 4 quota.
    var type: UInt8
    var informationClass: UInt8
    var additionalInformation: UInt32 = 0
    var flags: UInt32 = 0
    var input: [UInt8] = []

    static var restartScan: UInt32 { 1 }
    static var returnSingleEntry: UInt32 { 2 }
    static var indexSpecified: UInt32 { 4 }
}

extension RequestContext {
    /// What a request carries or asks for at most, [MS-SMB2] 3.3.5.15, 3.3.5.18, 3.3.5.20, 3.3.5.21: no more than was
    /// announced, and paid for.
    func requireTransactSize(_ byteCount: Int) throws(NTStatus) {
        guard byteCount <= Int(limits.transactByteCountMax) else { throw .invalidParameter }
        try requireCredits(payload: byteCount)
    }
}
