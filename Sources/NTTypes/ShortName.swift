/// 8.3 names for programs from the days of DOS. They are computed from the long name alone, so that nothing has to be
/// kept: the first character, five of a hash, "~", one of the hash, and three of the extension. That a name is one of
/// these can be seen at a glance, and only then is a folder worth searching for the long name it stands for.
public enum ShortName {
    /// The 8.3 name of a file; nil if its name is one already, so that it has no other.
    public static func make(for name: NTName) -> NTName? { isShort(name) ? nil : mangled(name) }

    /// FileAlternateNameInformation's answer, [MS-FSCC] 2.4.5: a name that is 8.3 stands for itself.
    public static func orItself(_ name: NTName) -> NTName? { isShort(name) ? name : mangled(name) }

    /// Looks as if `make` had made it.
    public static func mayBeMangled(_ name: NTName) -> Bool {
        let bytes = name.utf8
        return bytes.count >= 8 && bytes.count <= 12 && bytes[6] == UInt8(ascii: "~")
            && (bytes.count == 8 || bytes[8] == UInt8(ascii: "."))
    }

    /// Whether `short` is the 8.3 name of the file called `name`.
    public static func isShort(_ short: NTName, of name: NTName) -> Bool {
        guard mayBeMangled(short), let made = make(for: name) else { return false }
        return made.utf8.elementsEqual(short.utf8.lazy.map(upcased))
    }

    /// [MS-FSCC] 2.1.5.2.1: at most eight characters, a period, three characters; no second period, no space.
    public static func isShort(_ name: NTName) -> Bool {
        let bytes = name.utf8
        let period = bytes.firstIndex(of: UInt8(ascii: ".")) ?? bytes.count
        guard (1...8).contains(period), bytes[..<period].allSatisfy(isAllowed) else { return false }
        guard period < bytes.count else { return true }
        let suffix = bytes[(period + 1)...]
        return (1...3).contains(suffix.count) && suffix.allSatisfy(isAllowed)
    }

    private static func mangled(_ name: NTName) -> NTName {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var offset = 0
        let bytes = name.utf8.span
        while offset < bytes.count {
            let (scalar, byteCount) = NTName.decode(bytes, at: offset)
            hash = (hash ^ UInt64(NTName.upcased(scalar))) &* 0x100_0000_01B3
            offset += byteCount
        }
        hash ^= hash >> 32
        let firstAllowed = name.utf8.first.map(upcased).flatMap { isAllowed($0) ? $0 : nil }
        var short = [firstAllowed ?? UInt8(ascii: "_")]
        for index in 0..<6 {
            if index == 5 { short.append(UInt8(ascii: "~")) }
            let digit = UInt8(hash % 36)
            short.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
            hash /= 36
        }
        if let period = name.utf8.lastIndex(of: UInt8(ascii: ".")), period > 0 {
            let suffix = name.utf8[(period + 1)...].map(upcased).filter(isAllowed).prefix(3)
            if !suffix.isEmpty { short += [UInt8(ascii: ".")] + suffix }
        }
        return NTName(utf8: short)
    }

    private static func upcased(_ byte: UInt8) -> UInt8 { (0x61...0x7A).contains(byte) ? byte & 0xDF : byte }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'()-@^_`{}~".utf8.contains(byte)
        }
    }
}
