import CLinux
import FileStore
import Glibc
import NTTypes
import Platform

extension LinuxFile {
    /// Where reparse buffers are kept that mean nothing to Linux; the name is Samba's.
    static let reparseAttribute = SystemPath(literal: "user.SmbReparse")

    func reparsePoint() throws(NTStatus) -> [UInt8] {
        try store.identity.act(as: user)
        let descriptor = try handle.begin()
        defer { handle.end() }
        var status = apus_statx()
        try Linux.status(descriptor, into: &status).orThrow()
        if status.isSymbolicLink {
            return ReparseBuffer.symbolicLink(try Linux.target(descriptor)).encoded(isPOSIX: isPOSIX)
        }
        guard status.isRegular || status.isDirectory else {
            let type = UInt32(status.mode) & 0o170000
            return ReparseBuffer.special(mode: type, major: status.special_major, minor: status.special_minor)
                .encoded(isPOSIX: isPOSIX)
        }
        guard let buffer = try attributeValue(descriptor, Self.reparseAttribute), buffer.count >= 8 else {
            throw .notAReparsePoint
        }
        return isPOSIX ? ReparseBuffer.posixSpelling(of: buffer) : buffer
    }

    func setReparsePoint(_ buffer: [UInt8], as user: Credentials) throws(NTStatus) {
        // A link may lead local programs anywhere: only who sees links makes one. What others set is kept, and tells
        // clients what it tells them on Windows; to local programs it is a file without content.
        let kind = try ReparseBuffer(buffer, isPOSIX: isPOSIX)
        if let kind, isPOSIX || store.options.showsSymbolicLinks { return try become(kind, as: user) }
        guard !isSpecial else { throw .invalidDeviceRequest }
        try store.identity.act(as: user)
        let descriptor = try isDirectory ? handle.begin() : begin(.write)
        defer { handle.end() }
        // A link has no data, as NTFS has it.
        if case .symbolicLink = kind, !isDirectory, try readInformation(descriptor).information.endOfFile > 0 {
            throw .reparseDataInvalid
        }
        // [MS-FSA] 2.1.5.10.38: whoever comes to a folder that stands for something else sees none of its entries.
        if isDirectory, !(try isEmptyFolder(descriptor)) { throw .directoryNotEmpty }
        if let present = try attributeValue(descriptor, Self.reparseAttribute) {
            try Self.requireSameKind(present, buffer)
        }
        let result = store.identity.insisting { Linux.setAttribute(descriptor, Self.reparseAttribute, buffer) }
        try Self.checkRoom(result, otherwise: .diskFull)
        try mark(isReparsePoint: true, descriptor)
    }

    func deleteReparsePoint(_ header: [UInt8], as user: Credentials) throws(NTStatus) {
        guard !isSpecial else { throw .notAReparsePoint }
        try store.identity.act(as: user)
        let descriptor = try isDirectory ? handle.begin() : begin(.write)
        defer { handle.end() }
        guard let present = try attributeValue(descriptor, Self.reparseAttribute), present.count >= 8 else {
            throw .notAReparsePoint
        }
        try Self.requireSameKind(present, header)
        try store.identity.insisting { Linux.removeAttribute(descriptor, Self.reparseAttribute) }.orThrow()
        try mark(isReparsePoint: false, descriptor)
    }

    /// The file is overwritten, and with it what made it stand for something else.
    func forgetReparsePoint(_ descriptor: CInt) {
        _ = store.identity.insisting { Linux.removeAttribute(descriptor, Self.reparseAttribute) }
    }

    /// [MS-FSA] 2.1.5.10.38: neither the tag nor the GUID of a reparse point changes.
    private static func requireSameKind(_ present: [UInt8], _ other: [UInt8]) throws(NTStatus) {
        let tag = tag(of: present)
        guard tag == Self.tag(of: other) else { throw .reparseTagMismatch }
        let header = ReparseBuffer.headerByteCount(tag)
        guard present.prefix(header).dropFirst(8) == other.prefix(header).dropFirst(8) else {
            throw .reparseAttributeConflict
        }
    }

    private func mark(isReparsePoint: Bool, _ descriptor: CInt) throws(NTStatus) {
        let (_, kept, status) = try readInformation(descriptor)
        var updated =
            kept
            ?? DOSAttributes(
                attributes: isDirectory ? [] : .archive, creationTime: FileTime(status.bestBirthTime))
        if isReparsePoint {
            updated.attributes.insert(.reparsePoint)
        } else {
            updated.attributes.remove(.reparsePoint)
        }
        try store.keep(updated, on: descriptor)
    }

    static func tag(of buffer: [UInt8]) -> UInt32 {
        buffer.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The tag of a file that carries the attribute; 0 if there is none.
    func reparseTag(_ descriptor: CInt) -> UInt32 {
        guard let buffer = try? attributeValue(descriptor, Self.reparseAttribute), buffer.count >= 8 else { return 0 }
        return Self.tag(of: buffer)
    }

    /// Puts a link, fifo, socket or device in the place of this file, which was made for it and is empty still.
    private func become(_ kind: ReparseBuffer, as user: Credentials) throws(NTStatus) {
        try store.identity.act(as: user)
        let place = try locate()
        var status = apus_statx()
        try Linux.status(place.folder.descriptor.raw, place.systemName, into: &status).orThrow()
        guard status.isDirectory || (status.isRegular && status.size == 0) else { throw .accessDenied }
        let folder = place.folder.descriptor.raw
        let temporary = try SystemPath.temporary()
        switch kind {
        case .symbolicLink(let target): try Linux.link(to: target, folder, temporary).orThrow()
        case .special(let mode, let major, let minor):
            // Nobody runs it: a mode that the share has given files says more than it means.
            let permissions = UInt32(status.mode) & 0o666
            try Linux.makeSpecial(folder, temporary, mode: mode | permissions, major: major, minor: minor).orThrow()
        }
        do throws(NTStatus) {
            try store.claims.take(place.name) { () throws(NTStatus) in
                try requireStill(place)
                if status.isDirectory { try Linux.unlink(folder, place.systemName, isDirectory: true).orThrow() }
                try Linux.rename(folder, temporary, to: folder, place.systemName, replaces: true).orThrow()
            }
        } catch {
            _ = Linux.unlink(folder, temporary, isDirectory: false)
            throw error
        }
        let opened = Linux.openBeneath(
            folder, place.systemName, flags: LinuxFileStore.pathOnly | O_NOFOLLOW, resolve: store.resolve)
        let descriptor = OwnedDescriptor(try opened.orThrow())
        try Linux.status(descriptor.raw, into: &status).orThrow()
        replacedIdentity.withLock { $0 = status.identity }
        try handle.become(descriptor)
    }
}

/// Where a path meets something that stands for something else, [MS-FSA] 2.1.5.1.
private struct MetReparsePoint {
    var componentIndex: Int
    /// nil if it is no symbolic link, or none that clients are shown.
    var link: MetSymbolicLink.Link?
    var refusal: NTStatus { link == nil ? .ioReparseTagNotHandled : .stoppedOnSymlink }
}

extension LinuxFileStore {
    public func symbolicLink(on path: NTPath, as user: Credentials) throws(NTStatus) -> MetSymbolicLink {
        try identity.act(as: user)
        guard let met = try firstReparsePoint(on: path.components), let link = met.link else {
            throw .objectNameNotFound
        }
        return MetSymbolicLink(componentIndex: met.componentIndex, link: link)
    }

    /// Looks for what has kept a path from being found, component by component: for errors, not for every open.
    private func firstReparsePoint(on components: [NTName]) throws(NTStatus) -> MetReparsePoint? {
        var spelled: [NTName] = []
        var folder = OwnedDescriptor(try openBeneath(.here, flags: Self.pathOnly | O_DIRECTORY).orThrow())
        for (index, name) in components.enumerated() {
            var opened = openBeneath(try SystemPath(spelled + [name]), flags: Self.pathOnly | O_NOFOLLOW)
            spelled.append(name)
            if opened.failed(ENOENT), let other = try otherSpelling(of: name, in: folder.raw) {
                spelled[index] = other
                opened = openBeneath(try SystemPath(spelled), flags: Self.pathOnly | O_NOFOLLOW)
            }
            guard opened >= 0, !options.isVetoed(spelled[index]) else { return nil }
            folder = OwnedDescriptor(opened)
            var status = apus_statx()
            try Linux.status(folder.raw, into: &status).orThrow()
            if status.isSymbolicLink {
                return MetReparsePoint(componentIndex: index, link: .target(try Linux.target(folder.raw)))
            }
            if let buffer = keptReparseBuffer(folder.raw) {
                let isLink = LinuxFile.tag(of: buffer) == ReparseBuffer.symbolicLinkTag
                return MetReparsePoint(componentIndex: index, link: isLink ? .buffer(buffer) : nil)
            }
        }
        return nil
    }

    /// The reparse buffer that a client has set on the file.
    private func keptReparseBuffer(_ descriptor: CInt) -> [UInt8]? {
        guard let kept = dosAttributes(descriptor, isPathOnly: true), kept.attributes.contains(.reparsePoint) else {
            return nil
        }
        var buffer = [UInt8](repeating: 0, count: AttributeName.valueByteCountMax)
        // SAFETY: the array is touched by nothing else during the call.
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            identity.insisting {
                unsafe Linux.attribute(descriptor, isPathOnly: true, LinuxFile.reparseAttribute, into: bytes)
            }
        }
        return count >= 8 ? Array(buffer[..<count]) : nil
    }

    /// [MS-FSA] 2.1.5.1: whoever comes to a folder that stands for something else goes no further, neither to a file
    /// nor to make one. Such a folder is empty, so only names that are not there need a look at it.
    func requireOrdinary(_ folder: borrowing FoundFolder) throws(NTStatus) {
        guard !folder.components.isEmpty,
            dosAttributes(folder.descriptor.raw, isPathOnly: true)?.attributes.contains(.reparsePoint) == true
        else { return }
        throw .ioReparseTagNotHandled
    }

    /// The folder that holds the last component, for an open: it is told of what stands for something else on the way.
    func openParentForOpen(
        of components: [NTName], _ parameters: OpenParameters
    ) throws(NTStatus) -> FoundFolder {
        do throws(NTStatus) {
            let parent = try openParent(of: components, caseSensitive: isCaseSensitive(parameters))
            try requireOrdinary(parent)
            return parent
        } catch {
            guard [.objectPathNotFound, .ioReparseTagNotHandled].contains(error),
                let met = try? firstReparsePoint(on: Array(components.dropLast())), isShown(met.link, parameters)
            else { throw error }
            throw met.refusal
        }
    }

    /// A link of Linux is hidden from clients that are to know nothing of it.
    private func isShown(_ link: MetSymbolicLink.Link?, _ parameters: OpenParameters) -> Bool {
        if case .target = link { return parameters.isPOSIX || options.showsSymbolicLinks }
        return true
    }
}

extension Linux {
    static func target(_ descriptor: CInt) throws(NTStatus) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        // SAFETY: the array is touched by nothing else during the call.
        let result = unsafe buffer.withUnsafeMutableBytes {
            unsafe apus_readlink_descriptor(
                descriptor, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
        return Array(buffer[..<(try result.orThrow())])
    }

    static func link(to target: [UInt8], _ directory: CInt, _ name: SystemPath) -> Int {
        let terminated = target + [0]
        // SAFETY: both are terminated and live through the call.
        return unsafe terminated.withUnsafeBytes { target in
            unsafe name.withPointer {
                unsafe apus_symlinkat(target.baseAddress?.assumingMemoryBound(to: CChar.self), directory, $0)
            }
        }
    }

    static func makeSpecial(
        _ directory: CInt, _ name: SystemPath, mode: UInt32, major: UInt32, minor: UInt32
    ) -> Int {
        // SAFETY: the path is terminated.
        unsafe name.withPointer { unsafe apus_mknodat(directory, $0, mode, major, minor) }
    }
}

extension ThreadIdentity {
    /// The tag at the start of a reparse buffer that `read` gets; 0 if there is none.
    func reparseTag(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> UInt32 {
        var buffer = [UInt8](repeating: 0, count: AttributeName.valueByteCountMax)
        // SAFETY: the array is touched by nothing else during the call.
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in insisting { unsafe read(bytes) } }
        return count < 4 ? 0 : buffer[..<4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
