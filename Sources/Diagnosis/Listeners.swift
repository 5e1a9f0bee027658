/// Sockets that listen, as /proc/net/tcp and tcp6 have them.
public enum Listeners {
    public struct Listener: Equatable, Sendable {
        public var port: UInt16
        /// 0 for one that belongs to no file.
        public var inode: UInt64
    }

    /// - Parameter table: the file's text. Addresses are not told apart: who has one is in the way of the others.
    public static func parse(_ table: String) -> [Listener] {
        table.split(whereSeparator: \.isNewline).dropFirst().compactMap { line in
            // sl, local address, remote address, state, queues, timers, retransmits, uid, timeout, inode.
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A", let port = fields[1].split(separator: ":").last,
                let number = UInt16(port, radix: 16), let inode = UInt64(fields[9])
            else { return nil }
            return Listener(port: number, inode: inode)
        }
    }
}

/// Names in one folder that differ by case alone.
public enum CollidingNames {
    /// - Returns: "A and a", once for each such pair.
    public static func pairs(_ names: [String], in folder: String) -> [String] {
        var first: [String: String] = [:]
        return names.sorted().compactMap { name in
            let folded = name.lowercased()
            guard let other = first[folded] else {
                first[folded] = name
                return nil
            }
            return "\(folder)/\(other) and \(name)"
        }
    }
}
