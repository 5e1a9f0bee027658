extension NTPath {
    /// Longest component, in UTF-16 code units: [MS-FSCC] 2.1.5.2.
    private static let componentUnitCountMax = 255

    /// The path that a client sent, checked: [MS-FSCC] 2.1.5. Components are separated by "\", or by "/", which no file
    /// on Linux can have in its name anyway and some clients send; a stream follows the last one as `:name` or
    /// `:name:$DATA`.
    /// - Throws: `.objectNameInvalid` for what no file can be called, `.objectPathSyntaxBad` for ".." beyond the root,
    ///   `.invalidParameter` for a leading separator.
    public init(clientName: NTName) throws(NTStatus) {
        self.init()
        guard !clientName.isEmpty else { return }
        // [MS-SMB2] 3.3.5.9: a name that begins with a separator is no path within the share.
        guard let first = clientName.utf8.first, !Self.isSeparator(first) else { throw .invalidParameter }
        var rest = clientName.utf8[...]
        // One separator at the end is forgiven: Windows clients name folders that way.
        if let last = rest.last, Self.isSeparator(last) { rest.removeLast() }
        let parts = rest.split(omittingEmptySubsequences: false, whereSeparator: Self.isSeparator)
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            if isLast, let colon = part.firstIndex(of: UInt8(ascii: ":")) {
                stream = try Self.streamName(part[(colon + 1)...])
                // ":stream" alone is a stream of the root.
                if colon == part.startIndex, parts.count == 1 { return }
                components.append(try Self.component(part[..<colon]))
            } else {
                // "." is the folder itself, and clients do send it.
                if Self.isDots(part, 1) { throw .objectNameInvalid }
                if Self.isDots(part, 2) {
                    // Taken for what it says, as Windows does, and never leads out of the share.
                    guard !components.isEmpty else { throw .objectPathSyntaxBad }
                    components.removeLast()
                } else {
                    components.append(try Self.component(part))
                }
            }
        }
    }

    /// The path of a client with the POSIX extensions: "/" separates, and everything else may be in a name.
    public init(posixName: NTName) throws(NTStatus) {
        self.init()
        for part in posixName.utf8.split(separator: UInt8(ascii: "/")) {
            if Self.isDots(part, 2) { throw .objectPathSyntaxBad }
            guard !part.contains(0), part.count <= Self.componentUnitCountMax, !Self.isDots(part, 1) else {
                throw .objectNameInvalid
            }
            components.append(NTName(utf8: Array(part)))
        }
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "/")
    }

    /// So many dots and nothing else; without an array to compare with, which each CREATE would allocate.
    private static func isDots(_ bytes: ArraySlice<UInt8>, _ count: Int) -> Bool {
        bytes.count == count && bytes.allSatisfy { $0 == UInt8(ascii: ".") }
    }

    private static func component(_ bytes: ArraySlice<UInt8>) throws(NTStatus) -> NTName {
        guard !bytes.isEmpty else { throw .objectNameInvalid }
        guard !isDots(bytes, 2) else { throw .objectPathSyntaxBad }
        for byte in bytes where isForbidden(byte) { throw .objectNameInvalid }
        guard unitCount(bytes) <= componentUnitCountMax else { throw .objectNameInvalid }
        return NTName(utf8: Array(bytes))
    }

    /// `name`, `name:$DATA`, or `:$DATA` for the unnamed stream (nil). Other types than $DATA have no streams here.
    private static func streamName(_ bytes: ArraySlice<UInt8>) throws(NTStatus) -> NTName? {
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard let name = parts.first, parts.count <= 2 else { throw .objectNameInvalid }
        if parts.count == 2 {
            let type = String(decoding: parts[1], as: UTF8.self)
            guard type.uppercased() == "$DATA" else { throw .objectNameInvalid }
        }
        guard !name.isEmpty else {
            guard parts.count == 2 else { throw .objectNameInvalid }
            return nil
        }
        // [MS-FSCC] 2.1.5.3: of the characters, a stream's name lacks only the separators.
        for byte in name where byte == 0 || byte == UInt8(ascii: "/") { throw .objectNameInvalid }
        guard unitCount(name) <= componentUnitCountMax else { throw .objectNameInvalid }
        return NTName(utf8: Array(name))
    }

    /// The name ends with "::$DATA": the data of the file and nothing but that, so that no folder is meant.
    public static func namesUnnamedStream(_ clientName: NTName) -> Bool {
        let suffix = "::$data".utf8
        return clientName.utf8.suffix(suffix.count).elementsEqual(suffix) { byte, wanted in
            ((0x41...0x5A).contains(byte) ? byte | 0x20 : byte) == wanted
        }
    }

    /// Control characters, wildcards and separators, [MS-FSCC] 2.1.5.1.
    private static func isForbidden(_ byte: UInt8) -> Bool {
        if byte < 0x20 { return true }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "<"),
            UInt8(ascii: ">"), UInt8(ascii: "?"), UInt8(ascii: "|"):
            return true
        default: return false
        }
    }

    /// UTF-16 code units: one for each UTF-8 sequence, two for those of four bytes.
    private static func unitCount(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : $1 >= 0xF0 ? 2 : 1) }
    }
}
