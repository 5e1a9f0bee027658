import FileStore
import NTTypes

@testable import LinuxFileStore

/// What this server writes, and the older forms of Samba's.
func seeds() -> [String: [UInt8]] {
    let kept = DOSAttributes(
        attributes: [.hidden, .archive], creationTime: FileTime(rawValue: 0x01DC_5DF0_0000_0000),
        keptChangeTime: DOSAttributes.KeptChangeTime(
            changeTime: FileTime(rawValue: 0x01DC_5DF0_0000_0001),
            validUntil: FileTime(rawValue: 0x01DC_5DF0_0000_0002),
            lastWriteTime: FileTime(rawValue: 0x01DC_5DF0_0000_0003)))
    var descriptor = SecurityDescriptor()
    descriptor.owner = .user(7)
    descriptor.group = .group(8)
    descriptor.control = [.daclPresent, .saclPresent, .daclAutoInherited]
    descriptor.discretionaryList = AccessControlList(allowing: [
        (.creatorOwner, .fileAllAccess, [.containerInherit, .objectInherit]), (.everyone, .readControl, []),
        (.ownerRights, .readData, .inheritOnly),
    ])
    descriptor.systemList = AccessControlList(allowing: [(.users, .writeData, .objectInherit)])
    let list = PosixAccessList(entries: [
        PosixAccessList.Entry(tag: .owner, permissions: 7),
        PosixAccessList.Entry(tag: .user, permissions: 5, number: 9),
        PosixAccessList.Entry(tag: .owningGroup, permissions: 5), PosixAccessList.Entry(tag: .mask, permissions: 7),
        PosixAccessList.Entry(tag: .others, permissions: 4),
    ])
    let state = PosixState(owner: 7, group: 8, mode: 0o100644, access: PosixAccessList(mode: 0o644))
    let attribute = NTACLAttribute.encode(descriptor, state)
    var seeds: [String: [UInt8]] = [
        "attributes-5": [0] + kept.encoded,
        "attributes-text": [0] + Array("0x22\0".utf8),
        "descriptor": [1] + descriptor.encoded(),
        "ntacl-4": [2] + attribute,
        "ntacl-1": [2, 1, 0, 1, 0, 0, 0, 2, 0] + descriptor.encoded(base: 8),
        "ntacl-2": [2, 2, 0, 2, 0, 0, 0, 2, 0, 4, 0, 2, 0] + [UInt8](repeating: 7, count: 16)
            + descriptor.encoded(base: 28),
        "ntacl-3": [2, 3, 0, 3, 0, 0, 0, 2, 0, 4, 0, 2, 0, 1, 0] + [UInt8](repeating: 7, count: 66)
            + descriptor.encoded(base: 80),
        "access-list": [3] + list.encoded,
        "link": [4] + ReparseBuffer.symbolicLink(Array("a/b".utf8)).encoded(isPOSIX: false),
        "link-posix": [12] + ReparseBuffer.symbolicLink(Array("/a/b".utf8)).encoded(isPOSIX: true),
        "device": [4] + ReparseBuffer.special(mode: 0o020000, major: 1, minor: 3).encoded(isPOSIX: false),
    ]
    for version in 1...4 as ClosedRange<UInt8> {
        let fields: [UInt8] = version == 1 ? [] : [0x3F, 0, 0, 0]
        seeds["attributes-\(version)"] =
            [0, 0, 0, version, 0, version, 0, 0, 0] + fields + [0x22, 0, 0, 0] + [UInt8](repeating: 1, count: 60)
    }
    /// An attribute of the file, and what its value is.
    func found(_ attributes: (number: UInt8, value: [UInt8])..., isDirectory: Bool = false) -> [UInt8] {
        attributes.reduce([isDirectory ? 15 : 7]) { bytes, attribute in
            let count = attribute.value.count
            return bytes + [attribute.number, UInt8(count & 255), UInt8(count >> 8)] + attribute.value
        }
    }
    seeds["found"] = found((0, kept.encoded), (1, attribute), (2, attribute))
    seeds["found-folder"] = found(
        (0, kept.encoded), (1, attribute), (8, list.encoded), (9, list.encoded), isDirectory: true)
    seeds["found-stream"] = found((3, [1, 2, 3, 0]), (10, [4]), (11, [5, 0]), (12, [6, 0]))
    seeds["found-long-stream"] = found((0x83, [1]), (4, [2]), (5, [3]))
    seeds["found-reparse"] = found(
        (6, [1, 2, 3, 0x80, 4, 0, 0, 0, 5, 6, 7, 8]),
        (0, [0, 0, 5, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    seeds["found-attribute"] = found((7, [1, 2, 3]), (8, list.encoded))
    return seeds
}
