import NTTypes

/// Why a call has no response, as the fault PDU says it: C706 appendix E, [MS-RPCE] 2.2.2.11 with [MS-ERREF].
public struct RPCFault: Error, Equatable, Sendable {
    public let status: UInt32
    /// RPC_X_BAD_STUB_DATA: the arguments are not what the interface's definition says.
    public static var badStubData: Self { .init(status: 0x0000_06F7) }
    public static var accessDenied: Self { .init(status: 0x0000_0005) }
    /// nca_s_op_rng_error: the interface has no such operation.
    public static var operationRange: Self { .init(status: 0x1C01_0002) }
    /// nca_s_unk_if: the presentation context was not accepted.
    public static var unknownInterface: Self { .init(status: 0x1C01_0003) }
    /// nca_s_proto_error: fragments that do not fit together.
    public static var protocolError: Self { .init(status: 0x1C01_000B) }
    /// nca_s_fault_context_mismatch: a handle that this pipe did not give.
    public static var contextMismatch: Self { .init(status: 0x1C00_001A) }
    /// nca_s_fault_remote_no_memory: a request or response beyond `RPCLimits`.
    public static var noMemory: Self { .init(status: 0x1C00_001D) }
}

extension NTStatus {
    /// STATUS_SOME_NOT_MAPPED and STATUS_MORE_ENTRIES are successes with a reserve, [MS-ERREF] 2.3.1.
    static var someNotMapped: NTStatus { NTStatus(rawValue: 0x0000_0107) }
    static var moreEntries: NTStatus { NTStatus(rawValue: 0x0000_0105) }
    static var noMoreEntries: NTStatus { NTStatus(rawValue: 0x8000_001A) }
    static var noSuchPrivilege: NTStatus { NTStatus(rawValue: 0xC000_0060) }
    static var noSuchGroup: NTStatus { NTStatus(rawValue: 0xC000_0066) }
    static var noSuchAlias: NTStatus { NTStatus(rawValue: 0xC000_0151) }
    static var noSuchDomain: NTStatus { NTStatus(rawValue: 0xC000_00DF) }
}

/// Win32 error codes that the services return, [MS-ERREF] 2.2.
struct WindowsError: RawRepresentable, Equatable {
    let rawValue: UInt32
    static var success: Self { .init(rawValue: 0) }
    static var accessDenied: Self { .init(rawValue: 5) }
    static var notSupported: Self { .init(rawValue: 50) }
    static var invalidParameter: Self { .init(rawValue: 87) }
    static var invalidName: Self { .init(rawValue: 123) }
    static var invalidLevel: Self { .init(rawValue: 124) }
    static var moreData: Self { .init(rawValue: 234) }
    static var sessionNotFound: Self { .init(rawValue: 2312) }
    static var fileNotFound: Self { .init(rawValue: 2314) }
    static var userNotFound: Self { .init(rawValue: 2221) }
    static var deviceNotShared: Self { .init(rawValue: 2311) }
    static var shareNotFound: Self { .init(rawValue: 2310) }
    static var folderUnknown: Self { .init(rawValue: 2116) }
    static var shareExists: Self { .init(rawValue: 2118) }
    static var internalError: Self { .init(rawValue: 2140) }
}
