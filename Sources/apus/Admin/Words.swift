import Glibc
import NTTypes

// Values of the protocol in words, for people.

extension AccessMask {
    /// In the order in which people think of them.
    private static let words: [(AccessMask, String)] = [
        (.readData, "read"), (.writeData, "write"), (.appendData, "append"), (.execute, "execute"),
        (.delete, "delete"), (.deleteChild, "delete-child"), (.readAttributes, "read-attributes"),
        (.writeAttributes, "write-attributes"), (.readExtendedAttributes, "read-ea"),
        (.writeExtendedAttributes, "write-ea"), (.readControl, "read-acl"), (.writeDAC, "write-acl"),
        (.writeOwner, "write-owner"), (.synchronize, "synchronize"), (.accessSystemSecurity, "system-acl"),
    ]

    /// Separated by blanks; "all" for everything that a file's owner may be given.
    var words: String {
        if isSuperset(of: .fileAllAccess) { return "all" }
        return Self.words.filter { contains($0.0) }.map(\.1).joined(separator: " ")
    }
}

extension ShareAccess {
    /// What others may do meanwhile; "none" if nothing.
    var words: String {
        let words = [(ShareAccess.read, "read"), (.write, "write"), (.delete, "delete")]
        let named = words.filter { contains($0.0) }.map(\.1)
        return named.isEmpty ? "none" : named.joined(separator: " ")
    }
}

extension GUID {
    /// As Windows writes them, [MS-DTYP] 2.3.4.3, without braces.
    var text: String {
        func hex(_ value: UInt64, _ digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        let tail = high.byteSwapped
        return [
            hex(low & 0xFFFF_FFFF, 8), hex(low >> 32 & 0xFFFF, 4), hex(low >> 48, 4), hex(tail >> 48, 4),
            hex(tail & 0xFFFF_FFFF_FFFF, 12),
        ].joined(separator: "-")
    }
}

extension FileTime {
    /// RFC 3339, Universal Time, whole seconds.
    var text: String {
        var seconds = time_t(unix.seconds)
        // SAFETY: a structure of plain fields, all zero until the call fills it.
        var parts = unsafe tm()
        var text = [CChar](repeating: 0, count: 32)
        // SAFETY: all live through the calls, and the text's length is said.
        unsafe gmtime_r(&seconds, &parts)
        let count = unsafe strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

enum WireNames {
    /// A raw dialect revision, [MS-SMB2] 2.2.3.
    static func dialect(_ revision: UInt16) -> String {
        switch revision {
        case 0x0202: "2.0.2"
        case 0x0210: "2.1"
        case 0x0300: "3.0"
        case 0x0302: "3.0.2"
        case 0x0311: "3.1.1"
        default: "0x" + String(revision, radix: 16)
        }
    }

    /// [MS-SMB2] 2.2.3.1.2.
    static func cipher(_ identifier: UInt16) -> String? {
        switch identifier {
        case 1: "AES-128-CCM"
        case 2: "AES-128-GCM"
        case 3: "AES-256-CCM"
        case 4: "AES-256-GCM"
        default: nil
        }
    }

    /// [MS-SMB2] 2.2.3.1.7.
    static func signing(_ identifier: UInt16) -> String {
        switch identifier {
        case 0: "HMAC-SHA256"
        case 1: "AES-CMAC"
        case 2: "AES-GMAC"
        default: "\(identifier)"
        }
    }
}
