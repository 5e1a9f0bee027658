import Platform

/// Counts the requests of a reactor: odd while its holder is inside one. Whoever moves an odd count on owns the
/// reactor's role from then on: normally the holder itself (`leave`), or, if that takes too long, someone who gives the
/// role away.
struct Lease: ~Copyable, Sendable {
    typealias Ticket = UInt64
    private let count = Atomic<Ticket>(0)

    /// Publishes all that the holder did with the role so far. No other thread writes an even count, so a store is
    /// enough.
    @inline(__always)
    borrowing func enter() -> Ticket {
        let ticket = count.load(ordering: .relaxed) + 1
        count.store(ticket, ordering: .releasing)
        return ticket
    }

    /// - Returns: false when the role was given away meanwhile; nothing of it may be touched any more.
    @inline(__always)
    borrowing func leave(_ ticket: Ticket) -> Bool {
        count.compareExchange(expected: ticket, desired: ticket + 1, ordering: .acquiringAndReleasing).exchanged
    }

    /// Takes the role away from a holder that is inside the request `ticket`. - Returns: false when it is out already.
    borrowing func revoke(_ ticket: Ticket) -> Bool { leave(ticket) }

    /// Shows the watchdog a sign of life outside a request; a full barrier, see `Watchdog.park`.
    @inline(__always)
    borrowing func touch() { count.wrappingAdd(2, ordering: .sequentiallyConsistent) }

    borrowing func observe() -> Ticket { count.load(ordering: .sequentiallyConsistent) }

    static func isInRequest(_ ticket: Ticket) -> Bool { ticket & 1 == 1 }
}
