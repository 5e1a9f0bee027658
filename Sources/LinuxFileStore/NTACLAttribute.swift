import CLinux
import FileStore
import Glibc
import NTTypes
import SMBCrypto

/// `security.NTACL`, in which Samba and ksmbd keep a file's security descriptor: an NDR structure of version, level
/// and pointer, and then, by version, nothing (1), a hash (2, 3), or two hashes and a description (4); the descriptor
/// is last.
///
/// The second hash of version 4 is over owner, group, mode and POSIX ACL as they were made from the descriptor. Who
/// changes one of them locally takes back what the descriptor says, in Samba, ksmbd and here: it counts only while the
/// hash fits.
struct NTACLAttribute: Equatable {
    var descriptor: SecurityDescriptor
    /// SHA-256 of `PosixState.encodedForHash`; nil in versions that have none, whose descriptor always counts.
    var stateHash: [UInt8]?

    static let systemName = SystemPath(literal: "security.NTACL")
    /// Where the server may not write the above: without root there is one user only, who owns the files anyway. The
    /// name is what Samba's users give to acl_xattr:security_acl_name.
    static let userName = SystemPath(literal: "user.NTACL")

    private static let description = Array("posix_acl\0".utf8)
    /// SHA-256's 32 bytes, and as many zeros.
    private static var hashByteCount: Int { 64 }
    private static var sha256: UInt16 { 1 }
    /// Where version 4's description is: behind version, level, two pointers, the hash's type and the first hash.
    private static var descriptionOffset: Int { 12 + 2 + hashByteCount }
    private static var descriptorOffset: Int { descriptionOffset + description.count + 8 + hashByteCount }

    init(descriptor: SecurityDescriptor, stateHash: [UInt8]?) {
        self.descriptor = descriptor
        self.stateHash = stateHash
    }

    /// - Parameter bytes: from the disk; nothing is believed.
    /// - Returns: nil for what is none of the versions, or not whole.
    init?(_ bytes: [UInt8]) {
        let bytes = bytes[...]
        guard bytes.count >= 8, bytes.littleEndian16(0) == bytes.littleEndian16(2) else { return nil }
        let start: Int
        var stateHash: [UInt8]?
        switch bytes.littleEndian16(0) {
        case 1: start = 8
        case 2: start = 12 + 16
        // Pointer, type of hash, hash; aligned.
        case 3: start = 12 + 2 + Self.hashByteCount + 2
        case 4:
            // The same, a text with terminator, a time, another hash.
            guard let end = bytes.dropFirst(Self.descriptionOffset).firstIndex(of: 0) else { return nil }
            let hashStart = (end + 1 + 3) & ~3 + 8
            start = hashStart + Self.hashByteCount
            guard start <= bytes.count, bytes.littleEndian16(12) == Self.sha256 else { return nil }
            stateHash = Array(bytes[hashStart..<hashStart + 32])
        default: return nil
        }
        // NDR's relative pointers count from the start of the whole.
        guard let descriptor = try? SecurityDescriptor(bytes.dropFirst(start), base: start) else { return nil }
        self.init(descriptor: descriptor, stateHash: stateHash)
    }

    /// Version 4. The first hash is the descriptor's own, as ksmbd has it; Samba looks at it only if the second does
    /// not fit.
    static func encode(_ descriptor: SecurityDescriptor, _ state: PosixState) -> [UInt8] {
        let zeros = [UInt8](repeating: 0, count: 32)
        var bytes: [UInt8] = [4, 0, 4, 0, 0, 0, 2, 0, 4, 0, 2, 0]
        bytes.append(littleEndian: sha256)
        bytes += Digest.sha256(descriptor.encoded()) + zeros
        bytes += description
        // A time, which Samba leaves at zero too.
        bytes += zeros[..<8]
        bytes += Digest.sha256(state.encodedForHash) + zeros
        return bytes + descriptor.encoded(base: UInt32(descriptorOffset))
    }
}

/// A security descriptor that a client has set, and that counts.
struct KeptDescriptor {
    var descriptor: SecurityDescriptor
    /// Mode and POSIX ACL are what they were made from it, by somebody with root's power.
    var isVerified: Bool
}

extension LinuxFileStore {
    var securityAttribute: SystemPath { isRoot ? NTACLAttribute.systemName : NTACLAttribute.userName }

    /// What a client has set; nil if none has, or if owner, mode or POSIX ACL have been changed since.
    /// - Parameter status: the file's, if it is known.
    func keptSecurityDescriptor(
        _ descriptor: CInt, isPathOnly: Bool, _ status: apus_statx? = nil
    ) -> KeptDescriptor? {
        guard let attribute = securityAttribute(descriptor, isPathOnly: isPathOnly) else { return nil }
        guard let hash = attribute.stateHash else {
            return KeptDescriptor(descriptor: attribute.descriptor, isVerified: false)
        }
        var current = status ?? apus_statx()
        if status == nil, Linux.status(descriptor, into: &current) < 0 { return nil }
        let state = posixState(descriptor, isPathOnly: isPathOnly, current)
        guard Digest.sha256(state.encodedForHash) == hash else { return nil }
        return KeptDescriptor(
            descriptor: attribute.descriptor.namingOwners(state, options.identifiers), isVerified: identity.switches)
    }

    private func securityAttribute(_ descriptor: CInt, isPathOnly: Bool) -> NTACLAttribute? {
        // No more than the compiler puts on the stack. SAFETY: only bytes that the system says it has written are read.
        unsafe withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { buffer in
            var result = identity.insisting {
                unsafe Linux.attribute(descriptor, isPathOnly: isPathOnly, securityAttribute, into: buffer)
            }
            if result >= 0 {
                return NTACLAttribute(unsafe Array(UnsafeRawBufferPointer(rebasing: buffer[..<result])))
            }
            guard result.failed(ERANGE) else { return nil }
            // SAFETY: the array is touched by nothing else during the call.
            var large = [UInt8](repeating: 0, count: AttributeName.valueByteCountMax)
            result = unsafe large.withUnsafeMutableBytes { large in
                identity.insisting {
                    unsafe Linux.attribute(descriptor, isPathOnly: isPathOnly, securityAttribute, into: large)
                }
            }
            return result < 0 ? nil : NTACLAttribute(Array(large[..<result]))
        }
    }
}

extension SecurityDescriptor {
    /// Another server names users in a domain of its own (S-1-5-21-…), which means nobody here. Of two it is known who
    /// they are: the hash fits, so the descriptor's owner and group are the file's.
    fileprivate func namingOwners(_ state: PosixState, _ mapping: IdentifierMapping) -> SecurityDescriptor {
        var named = self
        for (foreign, known) in [(owner, SecurityIdentifier.user(state.owner)), (group, .group(state.group))] {
            guard let foreign, foreign.authority == 5, foreign.subauthorities.first == 21,
                mapping.unixIdentifier(of: foreign) == nil
            else { continue }
            named.replace(foreign, with: known)
        }
        return named
    }
}
