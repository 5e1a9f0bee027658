import CLinux
import Glibc
import NTTypes

extension NTStatus {
    /// The one place where a Linux error becomes a protocol error. Total: what no call of ours gives, or what says that
    /// we called wrongly, is an unexpected I/O error.
    /// - Parameter errno: positive.
    init(errno: Int) {
        self =
            switch CInt(truncatingIfNeeded: errno) {
            case ENOENT, ENXIO, ENODEV, ESTALE: .objectNameNotFound
            case EACCES, EPERM: .accessDenied.because(.linux(errno: errno))
            case EEXIST: .objectNameCollision
            case ENOTDIR: .objectPathNotFound
            case EISDIR: .fileIsADirectory
            case ENOTEMPTY: .directoryNotEmpty
            case EINVAL, E2BIG, EDOM, EOVERFLOW: .invalidParameter
            case ENAMETOOLONG: .objectNameInvalid
            // A link where none is followed, or one that leads out of the share: for the client there is nothing.
            case ELOOP, EXDEV: .objectNameNotFound
            case ENOSPC, EDQUOT, EFBIG: .diskFull
            case EROFS: .mediaWriteProtected.because(.readOnlyFileSystem)
            case EMFILE, ENFILE: .tooManyOpenedFiles
            case ENOMEM, ENOBUFS: .insufficientResources
            case EMLINK: .tooManyLinks
            case ETXTBSY, EBUSY: .sharingViolation.because(.localProgram)
            // A mandatory lock, or a lease, of a local process.
            case EAGAIN: .fileLockConflict.because(.localProgram)
            case EOPNOTSUPP, ENOSYS, ENOTTY: .notSupported
            case EBADF: .invalidHandle
            case ETIMEDOUT: .ioTimeout
            case ECANCELED: .cancelled
            case ENODATA: .notFound
            default: .unexpectedIOError
            }
    }

    /// For the result of a call in `Linux`'s shape.
    init(result: Int) { self.init(errno: -result) }

    /// [MS-ERREF] 2.3.1: the file system's bound on hard links.
    static var tooManyLinks: NTStatus { NTStatus(rawValue: 0xC000_0265) }
}

extension Int {
    /// This result of a system call is the error `number`.
    @inline(__always)
    func failed(_ number: CInt) -> Bool { self == -Int(number) }

    /// The result itself, unless it is an error.
    @inline(__always) @discardableResult
    func orThrow() throws(NTStatus) -> Int {
        if self < 0 { throw NTStatus(result: self) }
        return self
    }
}
