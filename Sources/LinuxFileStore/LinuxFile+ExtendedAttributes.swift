import CLinux
import FileStore
import Glibc
import NTTypes

/// The names of a file's attributes on the Linux side, each sorted by what it means to SMB.
enum AttributeName {
    static let userPrefix = Array("user.".utf8)
    static let streamPrefix = Array("user.DosStream.".utf8)
    static let streamSuffix = Array(":$DATA".utf8)
    /// Linux's XATTR_SIZE_MAX.
    static var valueByteCountMax: Int { 65_536 }

    /// Which EAs are FILE_NEED_EA, [MS-FSCC] 2.4.16: their names in lower case, each ended by a zero byte. Samba has no
    /// place for that.
    static let neededAttributes = Array("user.APUS_NEED_EA".utf8)

    /// Begin the names of what Samba and this server keep for themselves; no client sees or sets those. Lower case.
    private static let reserved = [
        "dosattrib", "dosstream.", "dosstreamext.", "doseas", "dosstreams", "samba_", "smbreparse", "ntacl", "apus_",
    ].map { Array($0.utf8) }

    /// The name that an EA has for SMB; nil for what is none.
    static func extendedAttribute(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard name.starts(with: userPrefix) else { return nil }
        let rest = name.dropFirst(userPrefix.count)
        return rest.isEmpty || isReserved(rest) ? nil : rest
    }

    /// [MS-FSCC] 2.4.13: the size of the list in its old form: 4 bytes, and for each EA 4, its name, a terminator and
    /// its value.
    static func extendedAttributeSize(_ names: [ArraySlice<UInt8>], byteCount: (SystemPath) -> Int) -> UInt32 {
        var total = 0
        for name in names {
            guard let shown = extendedAttribute(name), let systemName = try? SystemPath(attribute: Array(name)) else {
                continue
            }
            let byteCount = byteCount(systemName)
            if byteCount > 0 { total += 4 + shown.count + 1 + byteCount }
        }
        return total == 0 ? 0 : UInt32(clamping: total + 4)
    }

    static func isReserved(_ name: some Collection<UInt8>) -> Bool {
        reserved.contains { prefix in name.lazy.map(lowercased).starts(with: prefix) }
    }

    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    static func areEqual(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
        left.lazy.map(lowercased).elementsEqual(right.lazy.map(lowercased))
    }

    /// Part of a stream, or all of it.
    static func isStream(_ name: ArraySlice<UInt8>) -> Bool {
        name.starts(with: streamPrefix) || name.starts(with: Array("user.DosStreamExt.".utf8))
    }

    /// The stream's name, without type; nil for what is none.
    static func stream(_ name: ArraySlice<UInt8>) -> NTName? {
        guard name.starts(with: streamPrefix) else { return nil }
        var rest = Array(name.dropFirst(streamPrefix.count))
        if rest.count > streamSuffix.count, areEqual(rest.suffix(streamSuffix.count), streamSuffix) {
            rest.removeLast(streamSuffix.count)
        }
        return rest.isEmpty ? nil : NTName(utf8: rest)
    }
}

extension LinuxFile {
    /// The names of all attributes of the file; none where the file system has no attributes.
    func attributeNames(_ descriptor: CInt) throws(NTStatus) -> [ArraySlice<UInt8>] {
        for byteCount in [1024, AttributeName.valueByteCountMax] {
            var buffer = [UInt8](repeating: 0, count: byteCount)
            // SAFETY: the buffer is touched by nothing else during the call.
            let result = unsafe buffer.withUnsafeMutableBytes { unsafe Linux.attributeNames(descriptor, into: $0) }
            if result.failed(ERANGE) { continue }
            if result.failed(EOPNOTSUPP) { return [] }
            return buffer[..<(try result.orThrow())].split(separator: 0)
        }
        throw .insufficientResources
    }

    /// nil where there is none.
    func attributeValue(_ descriptor: CInt, _ name: SystemPath) throws(NTStatus) -> [UInt8]? {
        for byteCount in [4096, AttributeName.valueByteCountMax] {
            var buffer = [UInt8](repeating: 0, count: byteCount)
            let isPathOnly = handle.isPathOnly
            // SAFETY: the buffer is touched by nothing else during the call.
            let result = unsafe buffer.withUnsafeMutableBytes { buffer in
                store.identity.insisting {
                    unsafe Linux.attribute(descriptor, isPathOnly: isPathOnly, name, into: buffer)
                }
            }
            if result.failed(ERANGE) { continue }
            if result.failed(ENODATA) || result.failed(EOPNOTSUPP) { return nil }
            buffer.removeLast(buffer.count - (try result.orThrow()))
            return buffer
        }
        throw .insufficientResources
    }

    private func attributeByteCount(_ descriptor: CInt, _ name: SystemPath) -> Int {
        let isPathOnly = handle.isPathOnly
        // SAFETY: an empty buffer asks for the size.
        return store.identity.insisting {
            unsafe Linux.attribute(
                descriptor, isPathOnly: isPathOnly, name, into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        }
    }

    // MARK: extended attributes

    func extendedAttributes(as user: Credentials) throws(NTStatus) -> [ExtendedAttribute] {
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        var attributes: [ExtendedAttribute] = []
        let names = try attributeNames(descriptor)
        let needed = try neededAttributes(descriptor, among: names)
        for name in names {
            guard let shown = AttributeName.extendedAttribute(name) else { continue }
            guard let value = try attributeValue(descriptor, try SystemPath(attribute: Array(name))) else { continue }
            // An EA without value does not exist, and a longer name or value has no room in [MS-FSCC] 2.4.16.
            if value.isEmpty || value.count > Int(UInt16.max) || shown.count > Int(UInt8.max) { continue }
            let flags = needed.isEmpty || !needed.contains(shown.map(AttributeName.lowercased)) ? 0 : Self.neededFlag
            attributes.append(ExtendedAttribute(flags: flags, name: Array(shown), value: value))
        }
        return attributes
    }

    /// FILE_NEED_EA.
    private static var neededFlag: UInt8 { 0x80 }

    private func neededAttributes(
        _ descriptor: CInt, among names: [ArraySlice<UInt8>]
    ) throws(NTStatus) -> Set<[UInt8]> {
        guard names.contains(where: { $0.elementsEqual(AttributeName.neededAttributes) }) else { return [] }
        let list = try attributeValue(descriptor, try SystemPath(attribute: AttributeName.neededAttributes)) ?? []
        return Set(list.split(separator: 0).map(Array.init))
    }

    /// Keeps which EAs are needed, if that has changed.
    private func keepNeeded(
        _ attributes: [ExtendedAttribute], _ descriptor: CInt, _ names: [ArraySlice<UInt8>]
    ) throws(NTStatus) {
        let before = try neededAttributes(descriptor, among: names)
        var needed = before
        for attribute in attributes {
            let name = attribute.name.map(AttributeName.lowercased)
            if attribute.flags == Self.neededFlag, !attribute.value.isEmpty {
                needed.insert(name)
            } else {
                needed.remove(name)
            }
        }
        guard needed != before else { return }
        let list = needed.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { name -> [UInt8] in name + [0] }
        let systemName = try SystemPath(attribute: AttributeName.neededAttributes)
        let result = store.identity.insisting {
            list.isEmpty
                ? Linux.removeAttribute(descriptor, systemName) : Linux.setAttribute(descriptor, systemName, list)
        }
        try Self.checkRoom(result, otherwise: .extendedAttributeTooLarge)
    }

    /// [MS-FSCC] 2.4.13: the size of the list in its old form, 4 bytes and for each EA 4, its name, a terminator and
    /// its value.
    func extendedAttributeSize(_ descriptor: CInt) -> UInt32 {
        guard let names = try? attributeNames(descriptor) else { return 0 }
        return AttributeName.extendedAttributeSize(names) { attributeByteCount(descriptor, $0) }
    }

    /// [MS-FSA] 2.1.5.15.5. All names are checked before anything is set.
    func setExtendedAttributes(_ attributes: [ExtendedAttribute], as user: Credentials) throws(NTStatus) {
        for attribute in attributes { try Self.check(attribute) }
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        let names = try attributeNames(descriptor)
        var present = names.map(Array.init)
        for attribute in attributes {
            let wanted = AttributeName.userPrefix + attribute.name
            let existing = present.first { AttributeName.areEqual($0, wanted) }
            let name = try SystemPath(attribute: existing ?? wanted)
            let result: Int
            if attribute.value.isEmpty {
                guard existing != nil else { continue }
                result = store.identity.insisting { Linux.removeAttribute(descriptor, name) }
                if result.failed(ENODATA) { continue }
                present.removeAll { $0 == existing }
            } else {
                result = store.identity.insisting { Linux.setAttribute(descriptor, name, attribute.value) }
                if existing == nil { present.append(wanted) }
            }
            try Self.checkRoom(result, otherwise: .extendedAttributeTooLarge)
        }
        try keepNeeded(attributes, descriptor, names)
    }

    private static func check(_ attribute: ExtendedAttribute) throws(NTStatus) {
        // [MS-FSCC] 2.4.16: ASCII, and nothing that cannot be in a short file name.
        let forbidden = Array("\"*+,/:;<=>?[\\]|".utf8)
        let name = attribute.name
        guard !name.isEmpty, name.count <= SystemPath.nameByteCountMax - AttributeName.userPrefix.count,
            name.allSatisfy({ $0 >= 0x20 && $0 < 0x80 && !forbidden.contains($0) })
        else { throw .invalidExtendedAttributeName }
        // [MS-FSA] 2.1.5.15.5: no other flag than that one.
        guard attribute.flags & ~Self.neededFlag == 0 else { throw .invalidExtendedAttributeName }
        if AttributeName.isReserved(name) { throw .accessDenied }
    }

    static func checkRoom(_ result: Int, otherwise full: NTStatus) throws(NTStatus) {
        if result.failed(EOPNOTSUPP) { throw .extendedAttributesNotSupported }
        if result.failed(E2BIG) || result.failed(ERANGE) || result.failed(ENOSPC) { throw full }
        try result.orThrow()
    }

    /// What [MS-FSA] 2.1.5.1.2 takes away when a file is overwritten or superseded.
    func removeStreamsAndExtendedAttributes(_ descriptor: CInt) throws(NTStatus) {
        for name in try attributeNames(descriptor)
        where AttributeName.isStream(name) || AttributeName.extendedAttribute(name) != nil
            || name.elementsEqual(AttributeName.neededAttributes)
        {
            let systemName = try SystemPath(attribute: Array(name))
            let result = store.identity.insisting { Linux.removeAttribute(descriptor, systemName) }
            if !result.failed(ENODATA) { try result.orThrow() }
        }
    }

    // MARK: streams

    /// The unnamed stream first, then the others.
    func streams() throws(NTStatus) -> [StreamInformation] {
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        var streams: [StreamInformation] = []
        if !isDirectory {
            let information = try readInformation(descriptor).information
            streams.append(
                StreamInformation(
                    name: NTName(utf8: []), endOfFile: information.endOfFile,
                    allocationSize: information.allocationSize))
        }
        for name in try attributeNames(descriptor) {
            guard let stream = AttributeName.stream(name) else { continue }
            guard let bytes = try? StreamAttributes(file: self, descriptor: descriptor).load(stream) else { continue }
            streams.append(StreamInformation(name: stream, endOfFile: UInt64(bytes.count)))
        }
        return streams
    }
}

extension StreamInformation {
    init(name: NTName, endOfFile: UInt64) {
        self.init(
            name: name, endOfFile: endOfFile,
            allocationSize: endOfFile.roundedUp(toMultipleOf: FileInformation.allocationUnit))
    }
}
