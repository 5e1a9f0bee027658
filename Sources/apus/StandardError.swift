import CLinux
import Glibc

/// Plain text to standard error, for messages that are no log.
enum StandardError {
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        // SAFETY: the array lives through the call.
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
    }
}

/// Whole small files: configuration and accounts.
enum TextFile {
    enum Failure: Error, CustomStringConvertible {
        case unreadable(String, CInt)
        case unwritable(String, CInt)
        case notUTF8(String)
        var description: String {
            switch self {
            case .unreadable(let path, let code): "\(path): cannot be read: \(systemMessage(code))"
            case .unwritable(let path, let code): "\(path): cannot be written: \(systemMessage(code))"
            case .notUTF8(let path): "\(path): is not UTF-8"
            }
        }
    }

    /// - Returns: nil if there is no such file.
    static func read(_ path: String) throws(Failure) -> String? {
        guard let bytes = try readBytes(path) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8(path) }
        return text
    }

    /// - Returns: nil if there is no such file.
    static func readBytes(_ path: String) throws(Failure) -> [UInt8]? {
        // SAFETY: the path is a terminated string for the length of the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .unreadable(path, errno)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            // SAFETY: the call writes at most `count` bytes into the array.
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(path, errno) }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    /// Replaces the file in one step: whoever reads it sees the old text or the new one, never half of it.
    static func replace(_ path: String, with text: String, mode: mode_t) throws(Failure) {
        try replace(path, withBytes: Array(text.utf8), mode: mode)
    }

    /// As `replace`; a file that is there keeps its mode.
    static func rewrite(_ path: String, with bytes: [UInt8], modeOfNew: mode_t) throws(Failure) {
        var status = stat()
        // SAFETY: the path is a terminated string for the length of the call, and the structure outlives it.
        let isThere = unsafe stat(path, &status) == 0
        try replace(path, withBytes: bytes, mode: isThere ? status.st_mode & 0o777 : modeOfNew)
    }

    static func replace(_ path: String, withBytes bytes: [UInt8], mode: mode_t) throws(Failure) {
        let temporary = path + ".new"
        // SAFETY: the path is a terminated string for the length of the call.
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .unwritable(temporary, errno) }
        defer { close(descriptor) }
        var offset = 0
        while offset < bytes.count {
            // SAFETY: offset stays inside the array, which lives through the call.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress.map { unsafe $0 + offset }, bytes.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .unwritable(temporary, errno) }
            offset += count
        }
        // SAFETY: both paths are terminated strings for the length of the call.
        guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0, unsafe rename(temporary, path) == 0 else {
            throw .unwritable(path, errno)
        }
    }
}

/// The system's words for an errno.
func systemMessage(_ code: CInt) -> String {
    // SAFETY: strerror returns a terminated string.
    unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
}
