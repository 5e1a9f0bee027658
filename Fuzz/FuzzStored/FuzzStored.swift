import FileStore
import FuzzDriver
import NTTypes

@testable import LinuxFileStore

@_cdecl("FuzzStored_main")
public func main(_ count: CInt, _ arguments: Arguments) -> CInt {
    // A folder for the whole run.
    let disk = Disk()
    return fuzz(count, arguments, seeds: seeds) { fuzzStored($0, disk) }
}

/// By the first byte: bytes of one of the formats that are read back from the disk, or a file's attributes as they are
/// found there.
private func fuzzStored(_ input: [UInt8], _ disk: Disk) {
    guard let kind = input.first else { return }
    let bytes = Array(input.dropFirst())
    switch kind & 7 {
    case 0: attributes(bytes)
    case 1: descriptor(bytes)
    case 2: keptDescriptor(bytes)
    case 3: accessList(bytes)
    case 4: reparseBuffer(bytes, isPOSIX: kind & 8 != 0)
    default: disk.fuzz(bytes, isDirectory: kind & 8 != 0)
    }
}

private func attributes(_ bytes: [UInt8]) {
    guard let attributes = DOSAttributes(bytes.span) else { return }
    precondition(attributes.attributes.subtracting(DOSAttributes.keptAttributes).isEmpty)
    let encoded = attributes.encoded
    precondition(encoded.count <= DOSAttributes.byteCountMax && DOSAttributes(encoded.span) == attributes)
}

/// What a client sets as a file's security, and what the server does with it.
private func descriptor(_ bytes: [UInt8]) {
    guard let descriptor = try? SecurityDescriptor(bytes[...]) else { return }
    let encoded = descriptor.encoded()
    // Two lists may have shared their bytes, and do not any more.
    precondition(
        encoded.count > SecurityDescriptor.byteCountMax || (try? SecurityDescriptor(encoded[...])) == descriptor)

    var kept = SecurityDescriptor()
    kept.take(.backup, from: descriptor)
    kept.settleAutomaticInheritance()
    for part in 0..<17 { _ = kept.selecting(SecurityParts(rawValue: 1 << part)).encoded() }
    _ = kept.rights(of: [.everyone, .authenticatedUsers, .user(7)])
    _ = kept.discretionaryList?.contradictsItself
    for isDirectory in [false, true] {
        let inherited = try? kept.discretionaryList?.inherited(
            isDirectory: isDirectory, owner: .user(7), group: .group(8), isAutomatic: true)
        if let inherited { precondition((try? AccessControlList(inherited.bytes[...])) == inherited) }
    }
    kept.replace(.everyone, with: SecurityIdentifier(5, 21, 1, 2, 3, 4))
    if let list = kept.discretionaryList { precondition((try? AccessControlList(list.bytes[...])) == list) }
    for identifier in [descriptor.owner, descriptor.group].compactMap({ $0 }) {
        precondition(SecurityIdentifier("\(identifier)") == identifier)
    }
}

private func keptDescriptor(_ bytes: [UInt8]) {
    guard let attribute = NTACLAttribute(bytes) else { return }
    let state = PosixState(owner: 7, group: 8, mode: 0o100644, access: PosixAccessList(mode: 0o644))
    let encoded = NTACLAttribute.encode(attribute.descriptor, state)
    // Again: what has shared bytes becomes longer.
    precondition(
        encoded.count > SecurityDescriptor.byteCountMax
            || NTACLAttribute(encoded)?.descriptor == attribute.descriptor)
}

private func accessList(_ bytes: [UInt8]) {
    guard let list = PosixAccessList(bytes[...]) else { return }
    precondition(PosixAccessList(list.encoded[...]) == list)
    _ = list.mode
    _ = list.entries.map(list.effective)
    _ = PosixState(owner: 7, group: 8, mode: 0o100644, access: list, inherited: list).encodedForHash
}

private func reparseBuffer(_ bytes: [UInt8], isPOSIX: Bool) {
    guard let kind = try? ReparseBuffer(bytes, isPOSIX: isPOSIX) else { return }
    // To clients that do not speak POSIX a "\\" in a target, which only NFS's kind of link brings, is what parts names.
    if case .symbolicLink(let target) = kind, !isPOSIX, target.contains(UInt8(ascii: "\\")) { return }
    let encoded = kind.encoded(isPOSIX: isPOSIX)
    let again = try? ReparseBuffer(encoded, isPOSIX: isPOSIX)
    if case .special(let mode, _, _) = kind {
        // Only devices have numbers.
        guard case .special(mode, _, _)? = again else { preconditionFailure("a special file stays one") }
    } else {
        precondition(again == kind)
    }
}
