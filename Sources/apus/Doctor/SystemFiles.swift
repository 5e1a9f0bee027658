import Glibc

/// What the system tells of itself in small files.
enum SystemFiles {
    /// nil where there is none, or where one may not see it.
    static func text(_ path: String) -> String? {
        let bytes = (try? TextFile.readBytes(path)) ?? nil
        return bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    static func number(_ path: String) -> Int? {
        text(path).flatMap { Int($0.split(whereSeparator: \.isWhitespace).first ?? "") }
    }

    /// Names in a folder, without those that begin with a dot; empty where there is none.
    /// - Parameter limit: as many at most.
    static func names(_ path: String, limit: Int = .max) -> [String] {
        // SAFETY: the folder is closed at the end.
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        // SAFETY: an entry lives until the next is read.
        while names.count < limit, let entry = unsafe readdir(folder) {
            // SAFETY: the name ends with a zero within its 256 bytes.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    /// Where a symbolic link leads; nil where it is none, or may not be seen.
    static func link(_ path: String) -> String? {
        var letters = [CChar](repeating: 0, count: 4096)
        // SAFETY: the call writes at most `count` bytes into the array.
        let count = unsafe readlink(path, &letters, letters.count)
        return count < 0 ? nil : String(decoding: letters[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// What a program prints; nil where it fails, or there is none.
    /// - Parameter command: a constant, for the shell.
    static func output(of command: StaticString) -> String? {
        // SAFETY: constant texts; the stream is closed below.
        guard let stream = unsafe popen("PATH=$PATH:/usr/sbin:/sbin; \(command) 2>/dev/null", "r") else { return nil }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            // SAFETY: the call writes at most `count` bytes into the array.
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, stream) }
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        // SAFETY: opened above, closed once.
        return unsafe pclose(stream) == 0 ? String(decoding: bytes, as: UTF8.self) : nil
    }
}
