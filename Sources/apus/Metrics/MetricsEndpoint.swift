import CLinux
import Glibc
import Platform
import SMBServer
import Transport

/// `metrics address`: answers GET /metrics over HTTP, one caller after the other, on a thread of its own. Of a request
/// nothing is looked at but its first line.
final class MetricsEndpoint: Sendable {
    struct Place: Equatable, Sendable {
        let host: String
        let port: UInt16

        /// - Parameter address: `PORT`, for this machine alone, or `ADDRESS:PORT`, an IPv6 address in brackets.
        /// - Returns: nil for an empty address.
        /// - Throws: what would be right.
        init?(_ address: String) throws {
            guard !address.isEmpty else { return nil }
            let start = address.lastIndex(of: ":").map(address.index(after:)) ?? address.startIndex
            guard let port = UInt16(address[start...]), port > 0 else {
                throw Service.StartFailure(
                    message: "metrics address = \(address): is no port, such as 9445, and no ADDRESS:PORT")
            }
            self.port = port
            host =
                start == address.startIndex
                ? "127.0.0.1" : address[..<start].dropLast().filter { !"[]".contains($0) }
        }
    }
    /// Where it answers now.
    private struct Answering: Sendable {
        let place: Place
        /// Its thread's, who closes it.
        let listener: CInt
        let isOver = Flag()
    }
    private let current = Mutex<Answering?>(nil)
    private let requestByteCountMax: Int
    private let patienceNanoseconds: UInt64
    private let log: @Sendable (String) -> Void
    private let text: @Sendable () -> String

    /// - Parameter text: the answer, made anew for each caller.
    init(limits: Limits, log: @escaping @Sendable (String) -> Void, text: @escaping @Sendable () -> String) {
        requestByteCountMax = limits.metricsRequestByteCountMax
        patienceNanoseconds = UInt64(limits.metricsTimeout.components.seconds) * 1_000_000_000
        self.log = log
        self.text = text
    }

    /// Answers there from now on, and nowhere else; where it cannot, the reason is logged, and files are served all the
    /// same. One caller at a time.
    /// - Parameter server: counts as long as somebody can ask.
    func move(to place: Place?, of server: Server) {
        server.observation.setCounting(place != nil)
        let old = current.withLock { $0 }
        guard old?.place != place else { return }
        if let old {
            old.isOver.set(true)
            shutdown(old.listener, CInt(SHUT_RDWR))
        }
        let new = place.flatMap(start)
        current.withLock { $0 = new }
    }

    private func start(_ place: Place) -> Answering? {
        do throws(TransportError) {
            let listener = try TCPTransport.openListener(address: place.host, port: place.port)
            let service = Answering(place: place, listener: listener)
            guard Thread.detach(name: "metrics", { self.serve(service) }) else {
                close(listener)
                log("metrics: no thread")
                return nil
            }
            log("metrics on \(place.host) port \(place.port)")
            return service
        } catch {
            log("metrics: \(error)")
            return nil
        }
    }

    private func serve(_ service: Answering) {
        defer { close(service.listener) }
        while !service.isOver.isOn {
            guard isReady(service.listener, POLLIN, until: .max), !service.isOver.isOn else { continue }
            let descriptor = CInt(apus_local_accept(service.listener))
            guard descriptor >= 0 else {
                usleep(100_000)
                continue
            }
            answer(descriptor, text, until: Clock.uptime() + patienceNanoseconds)
            close(descriptor)
        }
    }

    private func answer(_ descriptor: CInt, _ text: () -> String, until deadline: UInt64) {
        guard let request = receive(descriptor, until: deadline) else { return }
        let isKnown = request.starts(with: "GET /metrics ".utf8) || request.starts(with: "GET /metrics?".utf8)
        let body = isKnown ? text() : "what there is to see is /metrics\n"
        let head = """
            HTTP/1.1 \(isKnown ? "200 OK" : "404 Not Found")\r
            Content-Type: text/plain; version=0.0.4; charset=utf-8\r
            Content-Length: \(body.utf8.count)\r
            Connection: close\r
            \r

            """
        var rest = Array((head + body).utf8)[...]
        while !rest.isEmpty, isReady(descriptor, POLLOUT, until: deadline) {
            // SAFETY: the slice lives through the call.
            let sent = unsafe rest.withUnsafeBytes {
                unsafe send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            guard sent > 0 else { return }
            rest = rest.dropFirst(sent)
        }
    }

    /// - Returns: a request up to the empty line that ends its header; nil where none comes.
    private func receive(_ descriptor: CInt, until deadline: UInt64) -> ArraySlice<UInt8>? {
        var request = [UInt8](repeating: 0, count: requestByteCountMax)
        var count = 0
        while count < request.count, isReady(descriptor, POLLIN, until: deadline) {
            // SAFETY: at most the rest of the array is written.
            let received = unsafe request[count...].withUnsafeMutableBytes {
                unsafe recv(descriptor, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
            }
            guard received > 0 else { return nil }
            let old = max(0, count - 3)
            count += received
            if request[old..<count].contains("\r\n\r\n".utf8) { return request[..<count] }
        }
        return nil
    }

    /// - Returns: false when the time is over.
    private func isReady(_ descriptor: CInt, _ events: CInt, until deadline: UInt64) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        let now = Clock.uptime()
        guard now < deadline else { return false }
        let patience = deadline == .max ? -1 : CInt(clamping: (deadline - now) / 1_000_000 + 1)
        // SAFETY: the entry lives through the call.
        return unsafe poll(&entry, 1, patience) > 0
    }
}
