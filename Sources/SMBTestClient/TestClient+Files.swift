import NTTypes
import Platform
import SMBWire

/// Requests about files, as good clients send them.
extension TestRequest {
    public static func create(
        _ name: String, access: AccessMask = .fileAllAccess, disposition: CreateDisposition = .openIf,
        _ change: (inout CreateRequest.Parameters) -> Void = { _ in }
    ) -> TestRequest {
        var parameters = CreateRequest.Parameters(
            name: NTName(name), desiredAccess: access, createDisposition: disposition)
        change(&parameters)
        return TestRequest(.create) { CreateRequest.encode(parameters, into: $0, headerStart: 0) }
    }

    public static func close(_ file: FileID) -> TestRequest {
        TestRequest(.close) { CloseRequest(fileID: file).encode(into: $0) }
    }

    public static func flush(_ file: FileID) -> TestRequest {
        TestRequest(.flush) { FlushRequest(fileID: file).encode(into: $0) }
    }

    public static func read(_ file: FileID, count: UInt32, at offset: UInt64 = 0) -> TestRequest {
        TestRequest(.read) { ReadRequest(length: count, offset: offset, fileID: file).encode(into: $0) }
            .charged(for: Int(count))
    }

    public static func write(_ file: FileID, _ data: [UInt8], at offset: UInt64 = 0) -> TestRequest {
        TestRequest(.write) { WriteRequest.encode(data, offset: offset, fileID: file, into: $0) }
            .charged(for: data.count)
    }

    public static func lock(_ file: FileID, _ locks: [LockRequest.Element]) -> TestRequest {
        TestRequest(.lock) { LockRequest(fileID: file, locks: locks).encode(into: $0) }
    }

    public static func control(
        _ code: UInt32, _ file: FileID = .compoundRelated, input: [UInt8] = [], outputCountMax: UInt32 = 4096
    ) -> TestRequest {
        TestRequest(.ioctl) {
            IoctlRequest.encode(
                controlCode: code, fileID: file, maxOutputResponse: outputCountMax, input: input, into: $0)
        }
    }

    public static func list(
        _ folder: FileID, _ pattern: String = "*", class entryClass: UInt8 = 37, flags: QueryDirectoryRequest.Flags = []
    ) -> TestRequest {
        TestRequest(.queryDirectory) {
            QueryDirectoryRequest.encode(
                informationClass: entryClass, flags: flags, fileID: folder, pattern: NTName(pattern),
                outputBufferLength: 65_536, into: $0)
        }
    }

    public static func query(
        _ file: FileID, type: UInt8 = 1, class informationClass: UInt8, countMax: UInt32 = 4096,
        additional: UInt32 = 0, input: [UInt8] = []
    ) -> TestRequest {
        TestRequest(.queryInfo) {
            QueryInfoRequest.encode(
                infoType: type, informationClass: informationClass, outputBufferLength: countMax,
                additionalInformation: additional, fileID: file, input: input, into: $0)
        }
    }

    public static func set(
        _ file: FileID, type: UInt8 = 1, class informationClass: UInt8, additional: UInt32 = 0, _ data: [UInt8]
    ) -> TestRequest {
        TestRequest(.setInfo) {
            SetInfoRequest.encode(
                infoType: type, informationClass: informationClass, additionalInformation: additional, fileID: file,
                data: data, into: $0)
        }
    }

    public static func notify(_ folder: FileID, filter: UInt32 = 0xFFF, watchesTree: Bool = false) -> TestRequest {
        TestRequest(.changeNotify) {
            ChangeNotifyRequest(
                watchesTree: watchesTree, outputBufferLength: 4096, fileID: folder, completionFilter: filter
            ).encode(into: $0)
        }
    }

    public static func acknowledge(level: UInt8, _ file: FileID) -> TestRequest {
        TestRequest(.oplockBreak) { OplockBreak(level: level, fileID: file).encode(into: $0) }
    }

    public static var echo: TestRequest { TestRequest(.echo) { EchoRequest().encode(into: $0) } }
    public static var logoff: TestRequest { TestRequest(.logoff) { LogoffRequest().encode(into: $0) } }
    public static var treeDisconnect: TestRequest {
        TestRequest(.treeDisconnect) { TreeDisconnectRequest().encode(into: $0) }
    }

    /// By the request's message ID, or by the AsyncId that its interim response gave.
    public static func cancel(messageID: UInt64 = 0, asyncID: UInt64? = nil) -> TestRequest {
        TestRequest(.cancel) { CancelRequest().encode(into: $0) }.with {
            $0.messageID = messageID
            $0.asyncID = asyncID
        }
    }

    /// With the credit charge that so many bytes cost, [MS-SMB2] 3.2.4.1.5.
    public func charged(for byteCount: Int) -> TestRequest {
        with { $0.creditCharge = UInt16(max(1, (byteCount + 65_535) / 65_536)) }
    }
}

extension TestClient {
    /// Opens or makes a file. - Throws: unless it succeeds.
    public func open(
        _ name: String, access: AccessMask = .fileAllAccess, disposition: CreateDisposition = .openIf,
        _ change: (inout CreateRequest.Parameters) -> Void = { _ in }
    ) throws(TestClientError) -> FileID {
        let reply = try call(.create(name, access: access, disposition: disposition, change))
        guard reply.status == .success else { throw .refused(step: "CREATE", status: reply.status.rawValue) }
        return try reply.decode { reader throws(WireError) in try CreateResponse(from: &reader) }.fileID
    }
}
