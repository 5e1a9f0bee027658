import NTTypes

extension NTStatus {
    /// As clients show it, of those that refuse; else its number.
    var words: String {
        switch self {
        case .accessDenied: "ACCESS_DENIED"
        case .sharingViolation: "SHARING_VIOLATION"
        case .logonFailure: "LOGON_FAILURE"
        case .badNetworkName: "BAD_NETWORK_NAME"
        case .objectNameNotFound: "OBJECT_NAME_NOT_FOUND"
        case .objectPathNotFound: "OBJECT_PATH_NOT_FOUND"
        case .deletePending: "DELETE_PENDING"
        case .cannotDelete: "CANNOT_DELETE"
        case .fileLockConflict: "FILE_LOCK_CONFLICT"
        case .lockNotGranted: "LOCK_NOT_GRANTED"
        case .privilegeNotHeld: "PRIVILEGE_NOT_HELD"
        case .requestNotAccepted: "REQUEST_NOT_ACCEPTED"
        case .mediaWriteProtected: "MEDIA_WRITE_PROTECTED"
        case .invalidOwner: "INVALID_OWNER"
        case .insufficientResources: "INSUFFICIENT_RESOURCES"
        case .insufficientServerResources: "INSUFF_SERVER_RESOURCES"
        case .invalidParameter: "INVALID_PARAMETER"
        default: "0x" + String(rawValue, radix: 16, uppercase: true)
        }
    }
}
