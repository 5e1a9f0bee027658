import Platform

/// Who is connected, for the bounds and for the second's look at who is overdue.
final class ConnectionRegistry: Sendable {
    typealias Entry = (connection: TCPConnection, receiver: any MessageReceiver)
    private struct Counts {
        var countMax: Int
        var countPerAddressMax: Int
        var total = 0
        var byNetwork: [String: Int] = [:]
        /// With its receiver, since the connection's own belongs to the reactor; in the order they came.
        var connections: [ObjectIdentifier: (number: UInt64, entry: Entry)] = [:]
        var nextNumber: UInt64 = 0
    }
    private let counts: Mutex<Counts>
    private let configuration: TransportConfiguration

    init(_ configuration: TransportConfiguration) {
        self.configuration = configuration
        counts = Mutex(
            Counts(
                countMax: configuration.connectionCountMax,
                countPerAddressMax: configuration.connectionCountPerAddressMax))
    }

    /// Who is connected stays.
    func adjust(countMax: Int, countPerAddressMax: Int) {
        counts.withLock { counts in
            counts.countMax = countMax
            counts.countPerAddressMax = countPerAddressMax
        }
    }

    /// Counts a connection in. - Returns: false when there are too many.
    func admit(_ address: String) -> Bool {
        let network = ClientNetwork.name(of: address)
        return counts.withLock { counts in
            guard counts.total < counts.countMax, counts.byNetwork[network, default: 0] < counts.countPerAddressMax
            else { return false }
            counts.total += 1
            counts.byNetwork[network, default: 0] += 1
            return true
        }
    }

    /// Its descriptor is closed.
    func ended(_ address: String) {
        let network = ClientNetwork.name(of: address)
        counts.withLock { counts in
            counts.total -= 1
            let left = counts.byNetwork[network, default: 1] - 1
            counts.byNetwork[network] = left > 0 ? left : nil
        }
    }

    func insert(_ connection: TCPConnection, _ receiver: any MessageReceiver) {
        let network = ClientNetwork.name(of: connection.remoteAddress)
        let mayBeCrowded = counts.withLock { counts -> Bool in
            counts.connections[ObjectIdentifier(connection)] = (counts.nextNumber, (connection, receiver))
            counts.nextNumber += 1
            return counts.connections.count > configuration.strangerCountMax
                || counts.byNetwork[network, default: 0] > configuration.strangerCountPerAddressMax
        }
        if mayBeCrowded { makeRoom(network) }
    }

    /// Strangers keep nobody out who wants to log in: when there are too many, the one that has been here longest goes.
    private func makeRoom(_ network: String) {
        let strangers = counts.withLock { Array($0.connections.values) }
            .filter { $0.entry.receiver.isStranger }.sorted { $0.number < $1.number }
        let neighbours = strangers.filter { ClientNetwork.name(of: $0.entry.connection.remoteAddress) == network }
        if neighbours.count > configuration.strangerCountPerAddressMax {
            neighbours.first?.entry.connection.disconnect()
        } else if strangers.count > configuration.strangerCountMax {
            strangers.first?.entry.connection.disconnect()
        }
    }

    func remove(_ connection: TCPConnection) {
        _ = counts.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(connection)) }
    }
    var all: [Entry] { counts.withLock { $0.connections.values.map(\.entry) } }
    var count: Int { counts.withLock { $0.total } }
}
