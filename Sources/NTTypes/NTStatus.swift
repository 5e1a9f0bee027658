/// A status code, [MS-ERREF] 2.3.
///
/// A struct and not an enum: unknown codes must survive a round trip.
public struct NTStatus: RawRepresentable, Hashable, Sendable, Error {
    public let rawValue: UInt32
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Only severity "error" fails a request; warnings carry a normal body.
    @inlinable
    public var isError: Bool { rawValue >> 30 == 0b11 }
}

extension NTStatus {
    @inlinable public static var success: NTStatus { NTStatus(rawValue: 0x0000_0000) }
    @inlinable public static var pending: NTStatus { NTStatus(rawValue: 0x0000_0103) }
    @inlinable public static var notifyCleanup: NTStatus { NTStatus(rawValue: 0x0000_010B) }
    @inlinable public static var notifyEnumDir: NTStatus { NTStatus(rawValue: 0x0000_010C) }
    @inlinable public static var bufferOverflow: NTStatus { NTStatus(rawValue: 0x8000_0005) }
    @inlinable public static var noMoreFiles: NTStatus { NTStatus(rawValue: 0x8000_0006) }
    @inlinable public static var extendedAttributesInconsistent: NTStatus { NTStatus(rawValue: 0x8000_0014) }
    @inlinable public static var noMoreExtendedAttributes: NTStatus { NTStatus(rawValue: 0x8000_0012) }
    @inlinable public static var invalidExtendedAttributeName: NTStatus { NTStatus(rawValue: 0x8000_0013) }
    @inlinable public static var stoppedOnSymlink: NTStatus { NTStatus(rawValue: 0x8000_002D) }
    @inlinable public static var unsuccessful: NTStatus { NTStatus(rawValue: 0xC000_0001) }
    @inlinable public static var notImplemented: NTStatus { NTStatus(rawValue: 0xC000_0002) }
    @inlinable public static var invalidInfoClass: NTStatus { NTStatus(rawValue: 0xC000_0003) }
    @inlinable public static var infoLengthMismatch: NTStatus { NTStatus(rawValue: 0xC000_0004) }
    @inlinable public static var invalidHandle: NTStatus { NTStatus(rawValue: 0xC000_0008) }
    @inlinable public static var invalidParameter: NTStatus { NTStatus(rawValue: 0xC000_000D) }
    @inlinable public static var noSuchDevice: NTStatus { NTStatus(rawValue: 0xC000_000E) }
    @inlinable public static var noSuchFile: NTStatus { NTStatus(rawValue: 0xC000_000F) }
    @inlinable public static var invalidDeviceRequest: NTStatus { NTStatus(rawValue: 0xC000_0010) }
    @inlinable public static var endOfFile: NTStatus { NTStatus(rawValue: 0xC000_0011) }
    @inlinable public static var moreProcessingRequired: NTStatus { NTStatus(rawValue: 0xC000_0016) }
    @inlinable public static var noMemory: NTStatus { NTStatus(rawValue: 0xC000_0017) }
    @inlinable public static var accessDenied: NTStatus { NTStatus(rawValue: 0xC000_0022) }
    @inlinable public static var bufferTooSmall: NTStatus { NTStatus(rawValue: 0xC000_0023) }
    @inlinable public static var objectTypeMismatch: NTStatus { NTStatus(rawValue: 0xC000_0024) }
    @inlinable public static var objectNameInvalid: NTStatus { NTStatus(rawValue: 0xC000_0033) }
    @inlinable public static var objectNameNotFound: NTStatus { NTStatus(rawValue: 0xC000_0034) }
    @inlinable public static var objectNameCollision: NTStatus { NTStatus(rawValue: 0xC000_0035) }
    @inlinable public static var objectPathInvalid: NTStatus { NTStatus(rawValue: 0xC000_0039) }
    @inlinable public static var objectPathNotFound: NTStatus { NTStatus(rawValue: 0xC000_003A) }
    @inlinable public static var objectPathSyntaxBad: NTStatus { NTStatus(rawValue: 0xC000_003B) }
    @inlinable public static var sharingViolation: NTStatus { NTStatus(rawValue: 0xC000_0043) }
    @inlinable public static var extendedAttributesNotSupported: NTStatus { NTStatus(rawValue: 0xC000_004F) }
    @inlinable public static var extendedAttributeTooLarge: NTStatus { NTStatus(rawValue: 0xC000_0050) }
    @inlinable public static var nonexistentExtendedAttributeEntry: NTStatus { NTStatus(rawValue: 0xC000_0051) }
    @inlinable public static var noExtendedAttributesOnFile: NTStatus { NTStatus(rawValue: 0xC000_0052) }
    @inlinable public static var fileLockConflict: NTStatus { NTStatus(rawValue: 0xC000_0054) }
    @inlinable public static var lockNotGranted: NTStatus { NTStatus(rawValue: 0xC000_0055) }
    @inlinable public static var deletePending: NTStatus { NTStatus(rawValue: 0xC000_0056) }
    @inlinable public static var invalidOwner: NTStatus { NTStatus(rawValue: 0xC000_005A) }
    @inlinable public static var privilegeNotHeld: NTStatus { NTStatus(rawValue: 0xC000_0061) }
    @inlinable public static var noSuchUser: NTStatus { NTStatus(rawValue: 0xC000_0064) }
    @inlinable public static var wrongPassword: NTStatus { NTStatus(rawValue: 0xC000_006A) }
    @inlinable public static var logonFailure: NTStatus { NTStatus(rawValue: 0xC000_006D) }
    @inlinable public static var accountRestriction: NTStatus { NTStatus(rawValue: 0xC000_006E) }
    @inlinable public static var accountDisabled: NTStatus { NTStatus(rawValue: 0xC000_0072) }
    @inlinable public static var notMapped: NTStatus { NTStatus(rawValue: 0xC000_0073) }
    @inlinable public static var invalidLockRange: NTStatus { NTStatus(rawValue: 0xC000_01A1) }
    @inlinable public static var invalidDeviceState: NTStatus { NTStatus(rawValue: 0xC000_0184) }
    @inlinable public static var rangeNotLocked: NTStatus { NTStatus(rawValue: 0xC000_007E) }
    @inlinable public static var invalidACL: NTStatus { NTStatus(rawValue: 0xC000_0077) }
    @inlinable public static var invalidSecurityDescriptor: NTStatus { NTStatus(rawValue: 0xC000_0079) }
    @inlinable public static var diskFull: NTStatus { NTStatus(rawValue: 0xC000_007F) }
    @inlinable public static var insufficientResources: NTStatus { NTStatus(rawValue: 0xC000_009A) }
    @inlinable public static var mediaWriteProtected: NTStatus { NTStatus(rawValue: 0xC000_00A2) }
    @inlinable public static var badImpersonationLevel: NTStatus { NTStatus(rawValue: 0xC000_00A5) }
    @inlinable public static var pipeNotAvailable: NTStatus { NTStatus(rawValue: 0xC000_00AC) }
    @inlinable public static var invalidPipeState: NTStatus { NTStatus(rawValue: 0xC000_00AD) }
    @inlinable public static var pipeBusy: NTStatus { NTStatus(rawValue: 0xC000_00AE) }
    @inlinable public static var pipeDisconnected: NTStatus { NTStatus(rawValue: 0xC000_00B0) }
    @inlinable public static var ioTimeout: NTStatus { NTStatus(rawValue: 0xC000_00B5) }
    @inlinable public static var fileForcedClosed: NTStatus { NTStatus(rawValue: 0xC000_00B6) }
    @inlinable public static var fileIsADirectory: NTStatus { NTStatus(rawValue: 0xC000_00BA) }
    @inlinable public static var notSupported: NTStatus { NTStatus(rawValue: 0xC000_00BB) }
    @inlinable public static var networkNameDeleted: NTStatus { NTStatus(rawValue: 0xC000_00C9) }
    @inlinable public static var badNetworkName: NTStatus { NTStatus(rawValue: 0xC000_00CC) }
    @inlinable public static var requestOutOfSequence: NTStatus { NTStatus(rawValue: 0xC000_042A) }
    @inlinable public static var requestNotAccepted: NTStatus { NTStatus(rawValue: 0xC000_00D0) }
    @inlinable public static var notSameDevice: NTStatus { NTStatus(rawValue: 0xC000_00D4) }
    @inlinable public static var oplockNotGranted: NTStatus { NTStatus(rawValue: 0xC000_00E2) }
    @inlinable public static var invalidOplockProtocol: NTStatus { NTStatus(rawValue: 0xC000_00E3) }
    @inlinable public static var internalError: NTStatus { NTStatus(rawValue: 0xC000_00E5) }
    @inlinable public static var unexpectedIOError: NTStatus { NTStatus(rawValue: 0xC000_00E9) }
    @inlinable public static var directoryNotEmpty: NTStatus { NTStatus(rawValue: 0xC000_0101) }
    @inlinable public static var notADirectory: NTStatus { NTStatus(rawValue: 0xC000_0103) }
    @inlinable public static var nameTooLong: NTStatus { NTStatus(rawValue: 0xC000_0106) }
    @inlinable public static var tooManyOpenedFiles: NTStatus { NTStatus(rawValue: 0xC000_011F) }
    @inlinable public static var cancelled: NTStatus { NTStatus(rawValue: 0xC000_0120) }
    @inlinable public static var cannotDelete: NTStatus { NTStatus(rawValue: 0xC000_0121) }
    @inlinable public static var fileDeleted: NTStatus { NTStatus(rawValue: 0xC000_0123) }
    @inlinable public static var fileClosed: NTStatus { NTStatus(rawValue: 0xC000_0128) }
    @inlinable public static var pipeBroken: NTStatus { NTStatus(rawValue: 0xC000_014B) }
    @inlinable public static var invalidLevel: NTStatus { NTStatus(rawValue: 0xC000_0148) }
    @inlinable public static var badDeviceType: NTStatus { NTStatus(rawValue: 0xC000_00CB) }
    @inlinable public static var networkAccessDenied: NTStatus { NTStatus(rawValue: 0xC000_00CA) }
    @inlinable public static var ioReparseTagNotHandled: NTStatus { NTStatus(rawValue: 0xC000_0279) }
    @inlinable public static var notAReparsePoint: NTStatus { NTStatus(rawValue: 0xC000_0275) }
    @inlinable public static var tooManySessions: NTStatus { NTStatus(rawValue: 0xC000_00CE) }
    @inlinable public static var userSessionDeleted: NTStatus { NTStatus(rawValue: 0xC000_0203) }
    @inlinable public static var noSuchLogonSession: NTStatus { NTStatus(rawValue: 0xC000_005F) }
    @inlinable public static var insufficientServerResources: NTStatus { NTStatus(rawValue: 0xC000_0205) }
    @inlinable public static var fsDriverRequired: NTStatus { NTStatus(rawValue: 0xC000_019C) }
    @inlinable public static var notFound: NTStatus { NTStatus(rawValue: 0xC000_0225) }
    @inlinable public static var duplicateObjectID: NTStatus { NTStatus(rawValue: 0xC000_022A) }
    @inlinable public static var connectionRefused: NTStatus { NTStatus(rawValue: 0xC000_0236) }
    @inlinable public static var networkSessionExpired: NTStatus { NTStatus(rawValue: 0xC000_035C) }
    @inlinable public static var fileNotAvailable: NTStatus { NTStatus(rawValue: 0xC000_0467) }
    @inlinable public static var hashNotSupported: NTStatus { NTStatus(rawValue: 0xC000_A100) }
    @inlinable public static var smbNoPreauthIntegrityHashOverlap: NTStatus { NTStatus(rawValue: 0xC05D_0000) }
}
