import FileStore
import NTTypes
import Platform
import SMBWire

/// Extended attributes on the wire: FILE_FULL_EA_INFORMATION and FILE_GET_EA_INFORMATION, [MS-FSCC] 2.4.16.
enum ExtendedAttributeList {
    /// A list of FILE_FULL_EA_INFORMATION as SET_INFO and CREATE bring it.
    /// - Throws: `.extendedAttributesInconsistent` if it is not one.
    static func decode(_ bytes: [UInt8]) throws(NTStatus) -> [ExtendedAttribute] {
        guard !bytes.isEmpty else { return [] }
        var attributes: [ExtendedAttribute] = []
        var at = 0
        while true {
            guard at + 8 <= bytes.count else { throw .extendedAttributesInconsistent }
            let next = Int(bytes.littleEndian32(at: at))
            let nameEnd = at + 8 + Int(bytes[at + 5])
            let valueEnd = nameEnd + 1 + Int(bytes.littleEndian16(at: at + 6))
            let end = next == 0 ? bytes.count : at + next
            guard end <= bytes.count, valueEnd <= end, bytes[nameEnd] == 0 else {
                throw .extendedAttributesInconsistent
            }
            let name = Array(bytes[at + 8..<nameEnd])
            guard isValid(name) else { throw .invalidExtendedAttributeName }
            attributes.append(
                ExtendedAttribute(flags: bytes[at + 4], name: name, value: Array(bytes[nameEnd + 1..<valueEnd])))
            guard next != 0 else { return attributes }
            guard next % 4 == 0, next >= 8 else { throw .extendedAttributesInconsistent }
            at = end
        }
    }

    /// The names in a list of FILE_GET_EA_INFORMATION.
    static func decodeNames(_ bytes: [UInt8]) throws(NTStatus) -> [[UInt8]] {
        var names: [[UInt8]] = []
        var at = 0
        while true {
            guard at + 5 <= bytes.count else { throw .extendedAttributesInconsistent }
            let next = Int(bytes.littleEndian32(at: at))
            let nameEnd = at + 5 + Int(bytes[at + 4])
            let end = next == 0 ? bytes.count : at + next
            guard end <= bytes.count, nameEnd <= end else { throw .extendedAttributesInconsistent }
            names.append(Array(bytes[at + 5..<nameEnd]))
            guard next != 0 else { return names }
            guard next % 4 == 0, next >= 5 else { throw .extendedAttributesInconsistent }
            at = end
        }
    }

    /// [MS-FSCC] 2.4.16: no control characters, nothing that would be a path or a pattern; not empty.
    private static func isValid(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name.allSatisfy { $0 >= 0x20 && !"\"*+,/:;<=>?[\\]|".utf8.contains($0) }
    }

    static func byteCount(_ attribute: ExtendedAttribute) -> Int { 9 + attribute.name.count + attribute.value.count }

    /// Without NextEntryOffset, which is not known yet.
    static func encode(_ attribute: ExtendedAttribute, into reply: PDUBuffer) {
        reply.append(0 as UInt32)
        reply.append(attribute.flags)
        reply.append(UInt8(truncatingIfNeeded: attribute.name.count))
        reply.append(UInt16(truncatingIfNeeded: attribute.value.count))
        reply.append(attribute.name)
        reply.append(0 as UInt8)
        reply.append(attribute.value)
    }

    /// Names without regard to case: ASCII, [MS-FSCC] 2.4.16.
    static func areSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        func upcased(_ byte: UInt8) -> UInt8 { (0x61...0x7A).contains(byte) ? byte & 0xDF : byte }
        return left.elementsEqual(right) { upcased($0) == upcased($1) }
    }
}

extension QueryInfoHandler {
    /// FileFullEaInformation, [MS-FSA] 2.1.5.12.12, with the list and the flags of [MS-SMB2] 2.2.37.
    static func encodeExtendedAttributes(
        _ query: InformationQuery, of open: Open, into output: OutputBuffer, in context: inout RequestContext
    ) throws(NTStatus) {
        try open.require(.readExtendedAttributes)
        var attributes = try open.file.extendedAttributes(as: open.credentials)
        let isListed = !query.input.isEmpty
        if isListed {
            // Whoever asks for names gets them all, in that order; an attribute that is not there has no value.
            attributes = try ExtendedAttributeList.decodeNames(query.input).map { name in
                attributes.first { ExtendedAttributeList.areSame($0.name, name) }
                    ?? ExtendedAttribute(name: name, value: [])
            }
        }
        guard !attributes.isEmpty else { throw .noExtendedAttributesOnFile }
        var index = try firstIndex(query, of: open, count: attributes.count, isListed: isListed)
        let reply = output.reply
        var last: Int?
        while index < attributes.count {
            let padding = last == nil ? 0 : -output.count & 3
            guard output.count + padding + ExtendedAttributeList.byteCount(attributes[index]) <= output.limit else {
                if last == nil { throw .bufferTooSmall }
                context.status = .bufferOverflow
                break
            }
            reply.align(to: 4, from: output.start)
            if let last { reply.patch(UInt32(reply.count - last), at: last) }
            last = reply.count
            ExtendedAttributeList.encode(attributes[index], into: reply)
            index += 1
            if query.flags & InformationQuery.returnSingleEntry != 0 { break }
        }
        let next = index
        if !isListed { open.state.withLock { $0.nextExtendedAttribute = next } }
    }

    /// Open.NextEaEntry.
    private static func firstIndex(
        _ query: InformationQuery, of open: Open, count: Int, isListed: Bool
    ) throws(NTStatus) -> Int {
        if isListed || query.flags & InformationQuery.restartScan != 0 { return 0 }
        if query.flags & InformationQuery.indexSpecified != 0 {
            // AdditionalInformation counts from 1.
            let index = Int(query.additionalInformation)
            guard index >= 1, index <= count else { throw .nonexistentExtendedAttributeEntry }
            return index - 1
        }
        let index = open.state.withLock { $0.nextExtendedAttribute }
        guard index < count else { throw .noMoreExtendedAttributes }
        return index
    }
}

extension [UInt8] {
    /// The caller has checked that the bytes are there.
    func littleEndian16(at offset: Int) -> UInt16 { UInt16(self[offset]) | UInt16(self[offset + 1]) << 8 }
    /// The caller has checked that the bytes are there.
    func littleEndian32(at offset: Int) -> UInt32 {
        UInt32(littleEndian16(at: offset)) | UInt32(littleEndian16(at: offset + 2)) << 16
    }
    /// The caller has checked that the bytes are there.
    func littleEndian64(at offset: Int) -> UInt64 {
        UInt64(littleEndian32(at: offset)) | UInt64(littleEndian32(at: offset + 4)) << 32
    }
}
