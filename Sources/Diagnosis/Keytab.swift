/// A keytab, as MIT's libraries write it (version 5.2): who has keys in it, and of what kind. The keys are left out.
struct Keytab: Equatable {
    struct Key: Equatable {
        /// `cifs/host@REALM`.
        var principal: String
        /// RFC 3961's number.
        var encryption: UInt16

        /// AES, RFC 3962 and RFC 8009.
        var isStrong: Bool { (17...20).contains(encryption) }

        /// - Parameter service: as `kerberos service name` has it; empty for cifs and host.
        func serves(_ service: String) -> Bool {
            guard !service.isEmpty else { return principal.hasPrefix("cifs/") || principal.hasPrefix("host/") }
            return principal == service || principal.hasPrefix(service + "@")
                || !service.contains("/") && principal.hasPrefix(service + "/")
        }
    }
    var keys: [Key] = []

    /// - Returns: nil for what is no keytab.
    init?(_ bytes: [UInt8]) {
        guard bytes.starts(with: [5, 2]) else { return nil }
        var reader = Reader(bytes: bytes[2...])
        while let size = reader.number(4) {
            // A negative size is a hole that an entry has left.
            let isHole = size >= 1 << 31
            let count = isHole ? (1 << 32) - size : size
            guard count > 0 else { return }
            guard let entry = reader.take(count) else { return nil }
            guard !isHole else { continue }
            guard let key = Key(entry) else { return nil }
            keys.append(key)
        }
    }

    fileprivate struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard count <= bytes.count else { return nil }
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count)
        }
        /// Most significant byte first.
        mutating func number(_ count: Int) -> Int? { take(count)?.reduce(0) { $0 << 8 | Int($1) } }
        mutating func text() -> String? {
            guard let count = number(2), let bytes = take(count) else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}

extension Keytab.Key {
    /// One entry: components, realm, names, kind of name, time, version, kind of key, key.
    fileprivate init?(_ bytes: ArraySlice<UInt8>) {
        var reader = Keytab.Reader(bytes: bytes)
        guard let count = reader.number(2), let realm = reader.text() else { return nil }
        var names: [String] = []
        for _ in 0..<count {
            guard let name = reader.text() else { return nil }
            names.append(name)
        }
        guard reader.take(4 + 4 + 1) != nil, let encryption = reader.number(2) else { return nil }
        principal = names.joined(separator: "/") + "@" + realm
        self.encryption = UInt16(encryption)
    }
}
