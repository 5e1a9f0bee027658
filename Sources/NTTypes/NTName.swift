/// One component of a path, or a stream's name: any sequence of UTF-16 code units on the wire and of bytes on the disk.
///
/// Kept as UTF-8, so that the common name costs nothing on its way to a system call. Not a `String`: Swift compares
/// strings by canonical equivalence, and a composed and a decomposed "ä" are two files. Names that are not valid
/// Unicode survive in both directions:
/// - a lone surrogate from the wire becomes its three-byte generalised UTF-8 form (WTF-8);
/// - a byte from the disk that is not part of valid UTF-8 becomes the lone low surrogate U+DC80 + (byte - 0x80), and
/// back.
public struct NTName: Hashable, Sendable {
    /// UTF-8 as above, without terminator; the bytes that go to the file system.
    public var utf8: [UInt8]

    @inlinable
    public init(utf8: [UInt8]) { self.utf8 = utf8 }
    public init(_ string: String) { self.utf8 = Array(string.utf8) }

    @inlinable public var isEmpty: Bool { utf8.isEmpty }

    /// For logs and messages only: what is not valid Unicode is replaced.
    public var description: String { String(decoding: utf8, as: UTF8.self) }
}
extension NTName: CustomStringConvertible {}

/// A path below the root of a share, already checked: no empty component, no "." or "..", no NUL and no "/".
/// The empty path is the root itself.
public struct NTPath: Hashable, Sendable {
    public var components: [NTName]
    /// The named stream, without the `:$DATA` type; nil for the unnamed one.
    public var stream: NTName?

    public init(components: [NTName] = [], stream: NTName? = nil) {
        self.components = components
        self.stream = stream
    }

    public var isRoot: Bool { components.isEmpty }
    /// The path of the folder it is in; nil for the root.
    public var parent: NTPath? {
        components.isEmpty ? nil : NTPath(components: Array(components.dropLast()))
    }
    /// Components joined by "/", relative to the share's root; "." for the root. Without the stream.
    public var relativeUTF8: [UInt8] {
        components.isEmpty ? [UInt8(ascii: ".")] : Array(components.map(\.utf8).joined(separator: [UInt8(ascii: "/")]))
    }
}
extension NTPath: CustomStringConvertible {
    /// For logs and messages, in the client's spelling.
    public var description: String {
        components.map(\.description).joined(separator: "\\") + (stream.map { ":\($0)" } ?? "")
    }
}
