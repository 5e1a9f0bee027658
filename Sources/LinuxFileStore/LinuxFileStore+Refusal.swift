import CLinux
import FileStore
import Glibc
import NTTypes

/// Why Linux refused something. It says no more than a number; so, on the way out of a request that has failed, it is
/// asked again, as the same user, about each folder on the way and about the file. What succeeds never comes here.
extension LinuxFileStore {
    /// - Parameters:
    ///   - status: what the client gets.
    ///   - result: of the call that failed.
    ///   - desired: the rights that it was made for.
    ///   - user: nil where it cannot be the file's own rules.
    func explained(
        _ status: NTStatus, _ result: Int, _ components: [NTName], _ desired: AccessMask = [],
        as user: Credentials? = nil
    ) -> NTStatus {
        if result.failed(ELOOP) || result.failed(EXDEV) {
            return status.because(.symbolicLink(component: firstLink(of: components)))
        }
        guard result.failed(EACCES) || result.failed(EPERM) else { return status }
        if let cause = closedFolder(on: components) { return status.because(cause) }
        guard let user, let path = try? SystemPath(components) else { return status }
        let opened = openBeneath(path, flags: Self.pathOnly)
        guard opened >= 0 else { return status }
        let file = OwnedDescriptor(opened)
        var found = apus_statx()
        guard Linux.status(file.raw, into: &found) >= 0 else { return status }
        if found.isImmutable { return status.because(.immutable) }
        let check = AccessCheck(
            store: self, user: user, status: found, descriptor: file.raw, isPathOnly: true,
            attributes: dosAttributes(file.raw, isPathOnly: true)?.attributes ?? [], components: components)
        do throws(NTStatus) { _ = try check.granted(desired) } catch {
            return error.cause.map(status.because) ?? status
        }
        return check.kernelRefusal(of: desired).map(status.because) ?? status
    }

    /// A name could not be put into a folder, or moved to it.
    func refusedAdding(_ result: Int, to folder: CInt) -> NTStatus {
        let status = NTStatus(result: result)
        guard result.failed(EACCES) || result.failed(EPERM) else { return status }
        var found = apus_statx()
        guard Linux.status(folder, into: &found) >= 0 else { return status }
        if found.isImmutable { return status.because(.immutable) }
        guard Linux.access(folder, mode: W_OK | X_OK) != 0 else { return status }
        return status.because(.closedFolder(mode: found.mode & 0o7777))
    }

    /// The first folder on the way that the user may not pass through.
    private func closedFolder(on components: [NTName]) -> RefusalCause? {
        for depth in 0..<components.count {
            guard let path = try? SystemPath(Array(components[..<depth])) else { return nil }
            let opened = openBeneath(path, flags: Self.pathOnly | O_DIRECTORY)
            guard opened >= 0 else { return nil }
            let folder = OwnedDescriptor(opened)
            guard Linux.access(folder.raw, mode: X_OK) != 0 else { continue }
            var status = apus_statx()
            guard Linux.status(folder.raw, into: &status) >= 0 else { return nil }
            return .noPassage(component: depth, mode: status.mode & 0o7777)
        }
        return nil
    }

    private func firstLink(of components: [NTName]) -> Int {
        for depth in 1..<max(components.count, 1) {
            guard let path = try? SystemPath(Array(components[..<depth])) else { break }
            let opened = openBeneath(path, flags: Self.pathOnly)
            guard opened >= 0 else { return depth - 1 }
            Linux.close(CInt(opened))
        }
        return max(components.count - 1, 0)
    }
}

extension LinuxFileStore {
    /// What is known now of the rules of a file, for the words of a refusal; read with the server's own power.
    public func accessFacts(of path: NTPath, as user: Credentials) -> AccessFacts? {
        guard (try? identity.act(as: user)) != nil, let name = try? SystemPath(path.components) else { return nil }
        let opened = identity.insisting { openBeneath(name, flags: Self.pathOnly) }
        guard opened >= 0 else { return nil }
        let file = OwnedDescriptor(opened)
        var status = apus_statx()
        guard Linux.status(file.raw, into: &status) >= 0 else { return nil }
        let state = posixState(file.raw, isPathOnly: true, status)
        let entry = state.access.isMinimal ? nil : state.access.entry(for: user, in: state)
        let list = keptSecurityDescriptor(file.raw, isPathOnly: true, status)?.descriptor.discretionaryList
        return AccessFacts(
            mode: UInt32(status.mode), owner: status.user_id, group: status.group_id, list: list.map(Array.init),
            posixEntry: entry.map { state.access.text(of: $0) }, mapping: options.identifiers)
    }
}

extension PosixAccessList {
    /// The entry that the kernel judges a user by, acl(5).
    fileprivate func entry(for user: Credentials, in state: PosixState) -> Entry? {
        if user.userID == state.owner { return entries.first { $0.tag == .owner } }
        if let own = entries.first(where: { $0.tag == .user && $0.number == user.userID }) { return own }
        let groups = Set(user.groups + [user.groupID])
        let ofGroups = entries.filter { entry in
            entry.tag == .owningGroup && groups.contains(state.group)
                || entry.tag == .group && groups.contains(entry.number)
        }
        return ofGroups.max { effective($0) < effective($1) } ?? entries.first { $0.tag == .others }
    }

    /// As getfacl(1) writes it.
    fileprivate func text(of entry: Entry) -> (kind: String, number: UInt32?, permissions: UInt32, effective: UInt32) {
        let kind =
            switch entry.tag {
            case .owner, .user: "user"
            case .owningGroup, .group: "group"
            case .mask: "mask"
            case .others: "other"
            }
        let isNamed = entry.tag == .user || entry.tag == .group
        return (kind, isNamed ? entry.number : nil, entry.permissions, effective(entry))
    }
}
