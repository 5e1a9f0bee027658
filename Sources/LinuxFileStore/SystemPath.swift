import Glibc
import NTTypes

/// A name or a relative path, checked and terminated, ready for a system call. Never absolute, never with "." or "..".
struct SystemPath {
    /// With the terminating zero.
    private let bytes: [UInt8]

    /// Linux's PATH_MAX: a system call takes no longer path. Terminator included.
    static var byteCountMax: Int { 4096 }
    /// Linux's NAME_MAX.
    static var nameByteCountMax: Int { 255 }

    /// The thing itself, relative to a descriptor.
    static let here = SystemPath(literal: ".")
    /// With AT_EMPTY_PATH: the descriptor itself.
    static let empty = SystemPath(literal: "")

    init(literal: StaticString) {
        // SAFETY: a static string's UTF-8 lives for ever.
        bytes = unsafe Array(UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)) + [0]
    }

    /// A name that nobody else takes: for what is made beside its place and then moved there.
    static func temporary() throws(NTStatus) -> SystemPath {
        try SystemPath(NTName(".apus-\(UInt64.random(in: .min ... .max))"))
    }

    /// One component.
    init(_ name: NTName) throws(NTStatus) {
        try Self.check(name)
        bytes = name.utf8 + [0]
    }

    /// Components below a root. The engine has checked them; they are checked again here, since everything depends on
    /// it.
    init(_ components: some Collection<NTName>) throws(NTStatus) {
        guard !components.isEmpty else {
            self = .here
            return
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(components.reduce(0) { $0 + $1.utf8.count + 1 })
        for name in components {
            try Self.check(name)
            bytes += name.utf8
            bytes.append(UInt8(ascii: "/"))
        }
        bytes[bytes.count - 1] = 0
        guard bytes.count <= Self.byteCountMax else { throw .objectNameInvalid }
        self.bytes = bytes
    }

    /// An attribute's name.
    init(attribute bytes: [UInt8]) throws(NTStatus) {
        guard !bytes.isEmpty, !bytes.contains(0) else { throw .objectNameInvalid }
        self.bytes = bytes + [0]
    }

    private static func check(_ name: NTName) throws(NTStatus) {
        let utf8 = name.utf8
        // Windows answers OBJECT_NAME_INVALID to a component longer than the file system takes.
        guard !utf8.isEmpty, utf8.count <= nameByteCountMax else { throw .objectNameInvalid }
        for byte in utf8 where byte == 0 || byte == UInt8(ascii: "/") { throw .objectNameInvalid }
        let dot = UInt8(ascii: ".")
        guard utf8 != [dot], utf8 != [dot, dot] else { throw .objectNameInvalid }
    }

    @inline(__always)
    func withPointer<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        // SAFETY: never empty, so it has a base address; bytes and C's characters have the same layout; the array lives
        // through the call.
        unsafe bytes.withUnsafeBytes { unsafe body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
    }
}
