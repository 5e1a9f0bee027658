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
        return buffer
    }

    func setReparsePoint(_ buffer: [UInt8], as user: Credentials) throws(NTStatus) {
        if let kind = try ReparseBuffer(buffer, isPOSIX: isPOSIX) {
            // A link may lead local programs anywhere: only who sees links may make them.
            guard isPOSIX || store.options.showsSymbolicLinks else { throw .accessDenied }
            return try become(kind, as: user)
        }
        try requireData()
        try store.identity.act(as: user)
        let descriptor = try begin(.write)
        defer { handle.end() }
        if let present = try attributeValue(descriptor, Self.reparseAttribute), present.prefix(4) != buffer.prefix(4) {
            // [MS-FSA] 2.1.5.10.38: the tag of a reparse point does not change.
            throw .reparseTagMismatch
        }
        let result = store.identity.insisting { Linux.setAttribute(descriptor, Self.reparseAttribute, buffer) }
        try Self.checkRoom(result, otherwise: .diskFull)
        try mark(isReparsePoint: true, descriptor)
    }

    func deleteReparsePoint(tag: UInt32, as user: Credentials) throws(NTStatus) {
        try requireData()
        try store.identity.act(as: user)
        let descriptor = try begin(.write)
        defer { handle.end() }
        guard let present = try attributeValue(descriptor, Self.reparseAttribute), present.count >= 8 else {
            throw .notAReparsePoint
        }
        guard Self.tag(of: present) == tag else { throw .reparseTagMismatch }
        try store.identity.insisting { Linux.removeAttribute(descriptor, Self.reparseAttribute) }.orThrow()
        try mark(isReparsePoint: false, descriptor)
    }

    private func mark(isReparsePoint: Bool, _ descriptor: CInt) throws(NTStatus) {
        let (_, kept, status) = try readInformation(descriptor)
        var updated = kept ?? DOSAttributes(attributes: .archive, creationTime: FileTime(status.bestBirthTime))
        if isReparsePoint {
            updated.attributes.insert(.reparsePoint)
        } else {
            updated.attributes.remove(.reparsePoint)
        }
        try store.keep(updated, on: descriptor)
    }

    private static func tag(of buffer: [UInt8]) -> UInt32 {
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
        try Linux.status(place.folder.descriptor.raw, place.name, into: &status).orThrow()
        guard status.isDirectory || (status.isRegular && status.size == 0) else { throw .accessDenied }
        let folder = place.folder.descriptor.raw
        let temporary = try SystemPath(NTName(".apus-\(UInt64.random(in: .min ... .max))"))
        switch kind {
        case .symbolicLink(let target): try Linux.link(to: target, folder, temporary).orThrow()
        case .special(let mode, let major, let minor):
            // Nobody runs it: a mode that the share has given files says more than it means.
            let permissions = UInt32(status.mode) & 0o666
            try Linux.makeSpecial(folder, temporary, mode: mode | permissions, major: major, minor: minor).orThrow()
        }
        var result = 0
        if status.isDirectory { result = Linux.unlink(folder, place.name, isDirectory: true) }
        if result >= 0 { result = Linux.rename(folder, temporary, to: folder, place.name, replaces: true) }
        if result < 0 { _ = Linux.unlink(folder, temporary, isDirectory: false) }
        try result.orThrow()
        let opened = Linux.openBeneath(
            folder, place.name, flags: LinuxFileStore.pathOnly | O_NOFOLLOW, resolve: store.resolve)
        let descriptor = OwnedDescriptor(try opened.orThrow())
        try Linux.status(descriptor.raw, into: &status).orThrow()
        replacedIdentity.withLock { $0 = status.identity }
        try handle.become(descriptor)
    }
}

extension LinuxFileStore {
    public func symbolicLink(on path: NTPath, as user: Credentials) throws(NTStatus) -> MetSymbolicLink {
        try identity.act(as: user)
        for index in path.components.indices {
            let prefix = try SystemPath(path.components[...index])
            let found = OwnedDescriptor(try openBeneath(prefix, flags: Self.pathOnly | O_NOFOLLOW).orThrow())
            var status = apus_statx()
            try Linux.status(found.raw, into: &status).orThrow()
            if status.isSymbolicLink {
                return MetSymbolicLink(componentIndex: index, target: try Linux.target(found.raw))
            }
        }
        throw .objectNameNotFound
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
