import FileStore
import NTTypes
import SMBServer

/// What the file's own rules are the reason of.
extension RefusalText {
    func file(_ cause: RefusalCause) -> RefusalReason? {
        let path = local(components.count)
        switch cause {
        case .mode(let missing, let mode): return byMode(missing, mode, path)
        case .deniedByList(let missing, let entry): return byEntry(entry, missing, path)
        case .notInList(let missing):
            let count = facts(components.count)?.list?.count
            return RefusalReason(
                .list,
                "none of \(count.map { "the \($0)" } ?? "the") entries of the NT list of \(path) gives "
                    + "\(user): \(missing.rightsText)",
                remedy: "add an entry that allows it (Explorer's Security page, or smbcacls)")
        case .readOnlyAttribute:
            return RefusalReason(
                .attribute, "\(path) has the read-only attribute", remedy: "take the attribute away (attrib -r)")
        case .hiddenAttribute:
            return RefusalReason(
                .attribute, "\(path) is hidden or a system file, and the program replaces it without saying so",
                remedy: "take the attribute away (attrib -h -s)")
        case .immutable:
            return RefusalReason(
                .fileSystem, "\(path), or its folder, is immutable or append-only (chattr)",
                remedy: "chattr -i -a \(quoted(path))")
        case .readOnlyFileSystem:
            return RefusalReason(
                .fileSystem, "the file system under \(path) is mounted read-only", remedy: "mount -o remount,rw")
        case .privilege:
            return RefusalReason(
                .fileSystem, "only root may do that", remedy: "name the user in admin users of the share")
        case .linux(let error):
            return RefusalReason(
                .fileSystem,
                "Linux refused it (errno \(error)) for a reason that mode, ACLs and attributes do not show: "
                    + "a security module, perhaps",
                remedy: "see the system's log (journalctl -k, auditd)")
        default: return nil
        }
    }

    private func byMode(_ missing: AccessMask, _ mode: UInt16, _ path: String) -> RefusalReason {
        let facts = facts(components.count)
        let bits = missing.bits
        let owner = facts.map { Names.user($0.owner) } ?? "its owner"
        guard !bits.isEmpty else {
            return RefusalReason(
                .mode, "\(owned(path, mode, components.count)), and only its owner may: \(missing.rightsText)",
                remedy: "let \(owner) do it, or chown \(user) \(quoted(path))")
        }
        if let entry = facts?.posixEntry {
            let name = entry.number.map { entry.kind == "user" ? Names.user($0) : Names.group($0) } ?? ""
            let masked =
                entry.effective == entry.permissions ? "" : ", of which the mask leaves \(Names.bits(entry.effective))"
            return RefusalReason(
                .list,
                "the POSIX ACL of \(path) has \(entry.kind):\(name):\(Names.bits(entry.permissions))\(masked) for "
                    + "\(user), which lacks \(bits)",
                remedy: "setfacl -m u:\(user):\(Names.bits(entry.effective, with: bits)) \(quoted(path))")
        }
        let letter = letter(components.count)
        let whom = ["u": "its owner", "g": "one of its group"][letter] ?? "one of the others"
        return RefusalReason(
            .mode, "\(owned(path, mode, components.count)); \(user) is \(whom), and lacks \(bits)",
            remedy: "chmod \(letter)+\(bits) \(quoted(path)), or setfacl -m u:\(user):\(bits) \(quoted(path))")
    }

    private func byEntry(_ index: Int, _ missing: AccessMask, _ path: String) -> RefusalReason {
        var whom = ""
        if let facts = facts(components.count), let list = facts.list, list.indices.contains(index),
            let identifier = list[index].identifier
        {
            whom = " (\(Names.account(identifier, facts.mapping)): \(list[index].mask.rightsText))"
        }
        return RefusalReason(
            .list, "entry \(index + 1) of the NT list of \(path)\(whom) denies \(user): \(missing.rightsText)",
            remedy: "take the entry away, or put one that allows it before it (Explorer's Security page, or smbcacls)")
    }
}

extension AccessMask {
    /// Which of r and w would have to be there.
    fileprivate var bits: String {
        let reads = !isDisjoint(with: [.readData, .readExtendedAttributes, .execute])
        let writes = !isDisjoint(with: [.writeData, .appendData, .writeExtendedAttributes, .deleteChild])
        return (reads ? "r" : "") + (writes ? "w" : "")
    }

    /// The rights in words, joined by commas.
    var rightsText: String {
        if self == [] { return "nothing" }
        if isSuperset(of: .fileAllAccess) { return "everything" }
        let names: [(AccessMask, String)] = [
            (.readData, "read"), (.writeData, "write"), (.appendData, "append"), (.execute, "execute"),
            (.delete, "delete"), (.deleteChild, "delete entries"), (.readAttributes, "read attributes"),
            (.writeAttributes, "write attributes"), (.readExtendedAttributes, "read extended attributes"),
            (.writeExtendedAttributes, "write extended attributes"), (.readControl, "read permissions"),
            (.writeDAC, "change permissions"), (.writeOwner, "take ownership"),
            (.accessSystemSecurity, "audit settings"), (.maximumAllowed, "all that is allowed"),
        ]
        let known = names.filter { contains($0.0) }.map(\.1)
        // Who waits for a file to be free asks for nothing else by that.
        return known.isEmpty ? "nothing" : known.joined(separator: ", ")
    }
}

extension ShareAccess {
    var rightsText: String {
        let names: [(ShareAccess, String)] = [(.read, "read"), (.write, "write"), (.delete, "delete")]
        let known = names.filter { contains($0.0) }.map(\.1)
        return known.isEmpty ? "do nothing" : known.joined(separator: ", ")
    }
}

/// Numbers of the system in its own words.
enum Names {
    static func user(_ number: UInt32) -> String { (try? UnixAccounts.userName(of: number)) ?? "\(number)" }
    static func group(_ number: UInt32) -> String { (try? UnixAccounts.groupName(of: number)) ?? "\(number)" }

    static func account(_ identifier: SecurityIdentifier, _ mapping: IdentifierMapping) -> String {
        switch mapping.unixIdentifier(of: identifier) {
        case .user(let number): user(number)
        case .group(let number): "group " + group(number)
        case nil: identifier == .everyone ? "Everyone" : "\(identifier)"
        }
    }

    /// rwx for three bits, and for those with what is missing.
    static func bits(_ bits: UInt32, with added: String = "") -> String {
        ["r", "w", "x"].enumerated().map { index, letter in
            bits & (4 >> UInt32(index)) != 0 || added.contains(letter) ? letter : "-"
        }.joined()
    }

    /// As ls(1) has it, without the type.
    static func mode(_ mode: UInt32) -> String {
        bits(mode >> 6) + bits(mode >> 3) + bits(mode) + (mode & 0o1000 != 0 ? " and sticky" : "")
    }
}
