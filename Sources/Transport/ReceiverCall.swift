import CLinux

/// The receiver's call that a thread is in, so that what runs inside can give the reactor's role away. It is looked at
/// only by that thread, and only while the call lasts: whoever calls `run` holds both objects for as long.
@safe struct ReceiverCall {
    private unowned(unsafe) let heldConnection: TCPConnection
    private unowned(unsafe) let heldReactor: Reactor
    private let ticket: Lease.Ticket

    private init(_ connection: TCPConnection, _ reactor: Reactor, _ ticket: Lease.Ticket) {
        // SAFETY: nothing is counted here, since each message has a call; see above for who holds them.
        unsafe heldConnection = connection
        unsafe heldReactor = reactor
        self.ticket = ticket
    }

    static func run<Result>(
        of connection: TCPConnection, _ reactor: Reactor, _ ticket: Lease.Ticket, _ body: () -> Result
    ) -> Result {
        var call = ReceiverCall(connection, reactor, ticket)
        // SAFETY: the pointer is taken back before `call` goes; only this thread sees it.
        return unsafe withUnsafeMutablePointer(to: &call) { pointer in
            unsafe linux_set_thread_value(pointer)
            defer { linux_set_thread_value(nil) }
            return body()
        }
    }

    /// Gives the role away if this thread is inside `connection`'s receiver.
    static func giveRoleAway(whileIn connection: TCPConnection) {
        // SAFETY: reads this thread's own slot.
        guard let pointer = unsafe linux_thread_value() else { return }
        // SAFETY: `run` of this thread set it, and takes it back before the call ends.
        let call = unsafe pointer.assumingMemoryBound(to: ReceiverCall.self).pointee
        // SAFETY: the call lasts, so both are held.
        guard unsafe call.heldConnection === connection else { return }
        // SAFETY: as above.
        let reactor = unsafe call.heldReactor
        _ = reactor.crew.reassign(reactor, call.ticket)
    }
}
