import NTTypes

/// File system control codes, [MS-SMB2] 2.2.31 and [MS-FSCC] 2.3.
struct ControlCode: RawRepresentable, Equatable {
    let rawValue: UInt32
    static var dfsGetReferrals: Self { .init(rawValue: 0x0006_0194) }
    static var dfsGetReferralsEx: Self { .init(rawValue: 0x0006_01B0) }
    static var getCompression: Self { .init(rawValue: 0x0009_003C) }
    static var setCompression: Self { .init(rawValue: 0x0009_C040) }
    static var getObjectID: Self { .init(rawValue: 0x0009_009C) }
    static var createOrGetObjectID: Self { .init(rawValue: 0x0009_00C0) }
    static var setReparsePoint: Self { .init(rawValue: 0x0009_00A4) }
    static var getReparsePoint: Self { .init(rawValue: 0x0009_00A8) }
    static var deleteReparsePoint: Self { .init(rawValue: 0x0009_00AC) }
    static var setSparse: Self { .init(rawValue: 0x0009_00C4) }
    static var setZeroData: Self { .init(rawValue: 0x0009_80C8) }
    static var queryAllocatedRanges: Self { .init(rawValue: 0x0009_40CF) }
    static var fileLevelTrim: Self { .init(rawValue: 0x0009_8208) }
    static var duplicateExtents: Self { .init(rawValue: 0x0009_8344) }
    static var duplicateExtentsEx: Self { .init(rawValue: 0x0009_83E8) }
    static var offloadRead: Self { .init(rawValue: 0x0009_4264) }
    static var offloadWrite: Self { .init(rawValue: 0x0009_8268) }
    static var pipeWait: Self { .init(rawValue: 0x0011_0018) }
    static var pipePeek: Self { .init(rawValue: 0x0011_400C) }
    static var pipeTransceive: Self { .init(rawValue: 0x0011_C017) }
    static var requestResumeKey: Self { .init(rawValue: 0x0014_0078) }
    static var copyChunk: Self { .init(rawValue: 0x0014_40F2) }
    static var copyChunkWrite: Self { .init(rawValue: 0x0014_80F2) }
    static var enumerateSnapshots: Self { .init(rawValue: 0x0014_4064) }
    static var readHash: Self { .init(rawValue: 0x0014_41BB) }
    static var requestResiliency: Self { .init(rawValue: 0x0014_01D4) }
    static var queryNetworkInterfaceInfo: Self { .init(rawValue: 0x0014_01FC) }
    static var validateNegotiateInfo: Self { .init(rawValue: 0x0014_0204) }

    // smbtorture's own: device 0x8384, which no system has.
    static var tortureForceUnacknowledged: Self { .init(rawValue: 0x8384_8003) }
    static var tortureIoctlPadding: Self { .init(rawValue: 0x8384_8013) }
    static var tortureReadPadding: Self { .init(rawValue: 0x8384_8023) }
    static var tortureSleep: Self { .init(rawValue: 0x8384_8043) }
    var isForTorture: Bool { rawValue >> 16 == 0x8384 }

    /// What a code is answered with that is not served.
    var refusal: NTStatus {
        switch self {
        // ODX, snapshots: not offered.
        case .offloadRead, .offloadWrite, .enumerateSnapshots: .notSupported
        // 3.3.5.15.7: no branch cache.
        case .readHash: .hashNotSupported
        // 3.3.5.15.8: what the file system below does not know.
        default: .invalidDeviceRequest
        }
    }
}
