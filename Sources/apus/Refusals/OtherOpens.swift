import Administration
import NTTypes

/// What clients of the running server have open of a file, as far as it is in the way of another open.
struct OtherOpens {
    /// What an open does that another one may have reserved, [MS-FSA] 2.1.5.1.2.2, and how the server calls it.
    private static let reservable: [(AccessMask, String)] = [
        ([.readData, .execute], "read"), ([.writeData, .appendData], "write"), (.delete, "delete"),
    ]
    /// As the server describes them; none where there is no server to ask.
    private var opens: [JSON] = []

    /// - Parameter path: of this machine, so that a share of another name for the same folder counts too.
    init(_ socket: String, path: String) {
        var opens: [JSON] = []
        do throws(AdminError) {
            try AdminClient.ask(socket, ["verb": "who", "path": .string(path), "beneath": false]) { line in
                if let open = line["open"] { opens.append(open) }
                return true
            }
        } catch { return }
        self.opens = opens
    }

    /// - Parameter access: what is to be asked for, by who lets others do everything meanwhile.
    /// - Returns: nil where nothing is in the way.
    func refusal(of access: AccessMask) -> RefusalReason? {
        let wanted = Self.words(access)
        for open in opens {
            let granted = AccessMask(rawValue: UInt32(truncatingIfNeeded: open["access_mask"]?.integer ?? 0))
            let left = (open["share_access"]?.string ?? "").split(separator: " ").map(String.init)
            // Who only looks at attributes has reserved nothing.
            guard !Self.words(granted).isEmpty, !left.isEmpty, !Set(wanted).isSubset(of: left) else { continue }
            let what = Self.words(granted).joined(separator: " ")
            let others = left == ["none"] ? "nothing" : left.joined(separator: " ")
            return RefusalReason(
                .shareMode,
                "\(Self.client(of: open)) has it open for \(what) since \(open["since"]?.string ?? "?"), and lets "
                    + "others \(others); asked for was \(wanted.joined(separator: " "))",
                remedy: "let that program close it, or apus file close \(open["id"]?.integer ?? 0)")
        }
        return nil
    }

    /// What an open that is allowed has to wait for: a client that may hold back what it has written gives that up
    /// first, [MS-SMB2] 3.3.4.6 and 3.3.4.7. nil if there is none.
    func wait(of access: AccessMask) -> String? {
        guard !Self.words(access).isEmpty,
            let open = opens.first(where: { $0["caching"]?.string?.contains("W") == true })
        else { return nil }
        let kind = open["lease"]?.boolean == true ? "lease" : "oplock"
        let caching = open["caching"]?.string ?? ""
        return "\(Self.client(of: open)) writes it back first: its \(kind) (\(caching)) is broken, which takes 35 s "
            + "where it does not answer; unless it is the same client that asks"
    }

    private static func client(of open: JSON) -> String {
        "\(open["user"]?.string ?? "?") from \(open["client"]?.string ?? "?")"
    }

    private static func words(_ access: AccessMask) -> [String] {
        let access = access.expandingGenericRights
        return reservable.filter { !access.isDisjoint(with: $0.0) }.map(\.1)
    }
}
