import CLinux
import Glibc
import Platform

/// Direct TCP, [MS-SMB2] 2.1: listens, accepts, and has whole messages handled by one receiver for each connection.
public final class TCPTransport: Sendable {
    private struct State {
        var listeners: [CInt] = []
        var reactors: [Reactor] = []
        /// Kept open to be given up when there are no other descriptors: a client can then be told no.
        var reserve: CInt = -1
        var isStopped = false
    }
    private let state = Mutex(State())
    private let configuration: TransportConfiguration
    private let crew: Crew
    let registry: ConnectionRegistry
    let makeReceiver: @Sendable (TCPConnection) -> any MessageReceiver

    public init(
        configuration: TransportConfiguration,
        makeReceiver: @escaping @Sendable (TCPConnection) -> any MessageReceiver
    ) {
        self.configuration = configuration
        self.makeReceiver = makeReceiver
        crew = Crew(configuration)
        registry = ConnectionRegistry(configuration)
        // SAFETY: a literal path.
        state.withLock { unsafe $0.reserve = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) }
    }

    public var connectionCount: Int { registry.count }
    /// Changes two of the configuration's limits. Who is connected stays; who comes next is held to them.
    public func adjust(connectionCountMax: Int, connectionCountPerAddressMax: Int) {
        registry.adjust(countMax: connectionCountMax, countPerAddressMax: connectionCountPerAddressMax)
    }
    /// Of all connections.
    public var receivers: [any MessageReceiver] { registry.all.map(\.receiver) }
    /// Threads that serve, are blocked in a request, or stand by.
    public var threadCount: Int { crew.threadCount }

    /// Listens on an address, to be called before `start`.
    /// - Parameters:
    ///   - address: an IPv4 or IPv6 address; "::" takes both families in, where there is IPv6.
    ///   - port: 0 takes a free one.
    /// - Returns: the port.
    @discardableResult
    public func listen(address: String, port: UInt16) throws(TransportError) -> UInt16 {
        do throws(TransportError) {
            let listener = try Listener.open(address, port)
            state.withLock { $0.listeners.append(listener) }
            return Listener.port(of: listener)
        } catch {
            // A machine without IPv6.
            guard address == "::", case .cannotListen(_, _, EAFNOSUPPORT) = error else { throw error }
            let listener = try Listener.open("0.0.0.0", port)
            state.withLock { $0.listeners.append(listener) }
            return Listener.port(of: listener)
        }
    }

    /// A socket that listens already (socket activation); it is the transport's from now on.
    public func adopt(listeningDescriptor: CInt) {
        _ = fcntl(listeningDescriptor, F_SETFL, fcntl(listeningDescriptor, F_GETFL) | O_NONBLOCK)
        state.withLock { $0.listeners.append(listeningDescriptor) }
    }

    /// A socket that listens, for others than this transport. - Parameter port: 0 for any.
    public static func openListener(address: String, port: UInt16) throws(TransportError) -> CInt {
        try Listener.open(address, port)
    }

    /// Begins to serve. - Returns: false when the system has no threads to give.
    @discardableResult
    public func start() -> Bool {
        let reactors = state.withLock { state in
            state.reactors = (0..<max(1, configuration.reactorCount)).map { _ in
                Reactor(crew, self, configuration, listeners: state.listeners)
            }
            return state.reactors
        }
        guard crew.start(reactors) else { return false }
        return Thread.detach(name: "timer") { self.runTimer() }
    }

    /// Ends all connections and waits for the threads, blocked ones for some seconds.
    public func stop() {
        let (reactors, listeners) = state.withLock { state in
            state.isStopped = true
            defer {
                state.reactors = []
                state.listeners = []
            }
            return (state.reactors, state.listeners)
        }
        for reactor in reactors { reactor.stop() }
        _ = crew.join(milliseconds: 5000)
        for listener in listeners { close(listener) }
    }

    private func runTimer() {
        var count = 0
        while !state.withLock({ $0.isStopped }) {
            usleep(250_000)
            configuration.tick()
            count += 1
            if count % 4 == 0 {
                for (connection, receiver) in registry.all where receiver.isOverdue { connection.disconnect() }
            }
            // What a burst needed goes back to the system.
            if count % 40 == 0 { configuration.buffers.trim() }
        }
    }

    /// The reactor with the fewest connections; `reactor` unless another has fewer.
    func leastLoaded(before reactor: Reactor) -> Reactor {
        state.withLock { $0.reactors.reduce(reactor) { $1.isLessLoaded(than: $0) ? $1 : $0 } }
    }

    /// Takes a client in. nil when there is none, or no descriptor for it.
    func accept(_ listener: CInt) -> (descriptor: CInt, address: String)? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // SAFETY: the storage has the length that is said.
        let descriptor = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe linux_accept(listener, address, &length)
            }
        }
        guard descriptor >= 0 else {
            if errno == EMFILE || errno == ENFILE { refuseOne(listener) }
            return nil
        }
        Listener.prepare(descriptor)
        return (descriptor, Listener.text(of: &storage, length))
    }

    /// Out of descriptors: the waiting client is hung up on, or the listener would stay readable and the reactor spin.
    private func refuseOne(_ listener: CInt) {
        state.withLock { state in
            close(state.reserve)
            let victim = linux_accept(listener, nil, nil)
            if victim >= 0 { close(victim) }
            // SAFETY: a literal path.
            state.reserve = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
        }
    }
}
