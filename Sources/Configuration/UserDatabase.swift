/// ksmbdpwd.db: a line for each user, `user:BASE64(MD4(UTF-16LE(password)))`, as ksmbd-tools writes it.
public struct UserDatabase: Equatable, Sendable {
    public struct User: Equatable, Sendable {
        public var name: String
        /// MD4 of the password in UTF-16LE: 16 bytes.
        public var passwordHash: [UInt8]
        public init(name: String, passwordHash: [UInt8]) {
            self.name = name
            self.passwordHash = passwordHash
        }
    }
    /// In the order of the file.
    public private(set) var users: [User] = []
    /// Where each name is among them: there may be many, and every login asks.
    private var places: [String: Int] = [:]
    /// The same without regard to case; of several the first.
    private var foldedPlaces: [String: Int] = [:]
    /// `username map`: by which other names clients may mean them. Not part of the file.
    public var usernameMap = UsernameMap()

    public init() {}

    /// - Parameter path: for messages only.
    /// - Throws: a line that is not `user:hash`.
    public init(path: String, text: String) throws(ConfigurationError) {
        for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = String(raw).trimmed
            guard !line.isEmpty, !line.hasPrefix("#"), !line.hasPrefix(";") else { continue }
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, Self.isValidName(String(parts[0])) else {
                throw ConfigurationError(path, index + 1, "user", "a line is user:hash, as ksmbd.adduser writes it")
            }
            guard let hash = Base64.decode(String(parts[1])), hash.count == 16 else {
                throw ConfigurationError(
                    path, index + 1, String(parts[0]), "the hash is 16 bytes in base64, as ksmbd.adduser writes it")
            }
            set(User(name: String(parts[0]), passwordHash: hash))
        }
    }

    /// ksmbd.adduser(8): UTF-8 of 1 to 47 bytes without ":" and line breaks.
    public static func isValidName(_ name: String) -> Bool {
        (1..<48).contains(name.utf8.count) && !name.contains { $0 == ":" || $0.isNewline }
    }

    /// Whom a client means by a name: by `username map`, and without regard to case, as Windows and ksmbd have it.
    public func user(named name: String) -> User? {
        let name = usernameMap.account(of: name)
        return (places[name] ?? foldedPlaces[name.lowercased()]).map { users[$0] }
    }

    /// There is one of exactly this name.
    public func has(_ name: String) -> Bool { places[name] != nil }

    /// Adds a user or replaces the one of that name.
    public mutating func set(_ user: User) {
        if let index = places[user.name] {
            users[index] = user
        } else {
            users.append(user)
            note(users.count - 1)
        }
    }

    private mutating func note(_ index: Int) {
        let name = users[index].name
        places[name] = index
        if foldedPlaces[name.lowercased()] == nil { foldedPlaces[name.lowercased()] = index }
    }

    /// - Returns: false if there was no such user.
    public mutating func remove(_ name: String) -> Bool {
        guard let index = places[name] else { return false }
        users.remove(at: index)
        (places, foldedPlaces) = ([:], [:])
        for index in users.indices { note(index) }
        return true
    }

    /// A password's hash as the file has it. - Parameter hash: 16 bytes.
    public static func hashText(_ hash: [UInt8]) -> String { Base64.encode(hash) }

    /// The file's text.
    public var text: String { users.map { "\($0.name):\(Base64.encode($0.passwordHash))\n" }.joined() }
}

/// RFC 4648 base64 with padding; a few lines, so that nothing here needs Foundation.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var value = group.reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
            value <<= UInt32(8 * (3 - group.count))
            for index in 0..<4 {
                let digit = Int(value >> UInt32(18 - 6 * index) & 63)
                text.append(index <= group.count ? alphabet[digit] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// nil for what is not base64.
    static func decode(_ text: String) -> [UInt8]? {
        let digits = text.utf8.prefix { $0 != UInt8(ascii: "=") }
        guard text.utf8.count % 4 == 0, text.utf8.count - digits.count <= 2,
            text.utf8.dropFirst(digits.count).allSatisfy({ $0 == UInt8(ascii: "=") })
        else { return nil }
        var bytes: [UInt8] = []
        var value: UInt32 = 0
        var bitCount = 0
        for digit in digits {
            guard let index = alphabet.firstIndex(of: digit) else { return nil }
            value = value << 6 | UInt32(index)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(bitCount)))
            }
        }
        return bytes
    }
}
