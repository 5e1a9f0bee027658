/// What the enumerations of [MS-SRVS] and [MS-WKST] take and give besides their entries.
struct Enumeration {
    var level: UInt32
    /// PreferedMaximumLength: bytes of entries that the client wants at most.
    var byteCountMax: UInt32
    /// Where to go on; nil when the client has no use for it.
    var resume: UInt32?

    /// Reads a structure of level and container, length and resume handle: the arguments behind the filters.
    init(from reader: inout NDRReader) throws(RPCFault) {
        try reader.alignToWord()
        level = try reader.number()
        try reader.alignToWord()
        guard try reader.number(UInt32.self) == level else { throw .badStubData }
        // What is in the container is the server's to fill; clients send it empty.
        if try reader.pointer() {
            try reader.alignToWord()
            guard try reader.number(UInt32.self) == 0 else { throw .badStubData }
            if try reader.pointer() {
                guard try reader.count() == 0 else { throw .badStubData }
            }
        }
        byteCountMax = try reader.number()
        resume = try reader.optionalNumber()
    }

    /// Writes the part of `entries` that is wanted now, and what became of the rest.
    /// - Parameters:
    ///   - size: bytes of an entry, about.
    ///   - write: one entry's structure; nil makes it a level that does not exist.
    func answer<Entry>(
        _ entries: [Entry], into call: inout RPCCall, size: (Entry) -> Int,
        write: (@Sendable (inout NDRWriter, Entry) -> Void)?
    ) {
        guard let write else { return refuse(.invalidLevel, into: &call) }
        let start = min(entries.count, Int(resume ?? 0))
        let room = min(Int(byteCountMax), call.session.limits.responseByteCountMax)
        var end = start
        var used = 0
        while end < entries.count {
            used += size(entries[end])
            // One entry at least, or the client would never get on.
            if used > room, end > start { break }
            end += 1
        }
        let page = Array(entries[start..<end])
        let level = level
        call.writer.parameter { writer in
            writer.alignToWord()
            writer.number(level)
            writer.discriminant(level)
            writer.pointer { writer in
                writer.structure { writer in
                    writer.number(UInt32(page.count))
                    writer.pointer(page.isEmpty ? nil : { writer in writer.array(page, write) })
                }
            }
        }
        call.writer.number(UInt32(entries.count - start))
        call.writer.resumeHandle(resume.map { _ in end < entries.count ? UInt32(end) : 0 })
        call.finish(end < entries.count ? .moreData : .success)
    }

    /// No entries, and why.
    func refuse(_ error: WindowsError, into call: inout RPCCall) {
        let level = level
        call.writer.parameter { writer in
            writer.alignToWord()
            writer.number(level)
            writer.discriminant(level)
            writer.pointer(nil)
        }
        call.writer.number(0 as UInt32)
        call.writer.resumeHandle(resume)
        call.finish(error)
    }
}

extension NDRReader {
    /// A pointer to a number, which may be null.
    mutating func optionalNumber() throws(RPCFault) -> UInt32? { try pointer() ? try number() : nil }
}

extension NDRWriter {
    mutating func resumeHandle(_ value: UInt32?) {
        parameter { writer in writer.pointer(value.map { value in { $0.number(value) } }) }
    }
}
