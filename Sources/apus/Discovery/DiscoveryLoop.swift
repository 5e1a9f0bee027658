import CLinux
import Discovery
import Glibc

/// What the discovery process does all its life, on its one thread.
struct DiscoveryLoop {
    private struct Caller {
        let descriptor: CInt
        let deadline: UInt64
        var received: [UInt8] = []
    }
    /// Milliseconds after the start: datagrams get lost (SOAP-over-UDP, "Retransmission").
    private static let helloTimes: [UInt64] = [0, 200, 600, 1400]
    private static let byeCount = 2

    private var host: DiscoveryHost
    private let links: [DiscoveryLink]
    private let limits: DiscoveryLimits
    private var callers: [Caller] = []
    private var hellos: ArraySlice<UInt64>
    /// How many questions may be looked at now, and when that was last reckoned.
    private var allowance: Double
    private var reckoned: UInt64
    private var buffer: [UInt8]

    init(_ host: DiscoveryHost, _ links: [DiscoveryLink], limits: DiscoveryLimits) {
        self.host = host
        self.links = links
        self.limits = limits
        let now = Clock.uptime()
        hellos = Self.helloTimes.map { now + $0 * 1_000_000 }[...]
        allowance = Double(limits.questionCountPerSecondMax)
        reckoned = now
        buffer = [UInt8](repeating: 0, count: limits.messageByteCountMax)
    }

    /// Announces the server, answers, and says goodbye when the descriptor is hung up.
    mutating func run(until lifeline: CInt) {
        while true {
            let now = Clock.uptime()
            reckon(now)
            if let next = hellos.first, next <= now {
                for link in links { link.sendToAll(host.hello(from: link.place.address)) }
                hellos = hellos.dropFirst()
            }
            let mayAsk = allowance >= 1
            let watched =
                [lifeline] + callers.map(\.descriptor)
                + (mayAsk ? links.flatMap { [$0.receiver, $0.listener] } : [])
            let ready = poll(watched, patience(now, mayAsk))
            if ready.contains(lifeline) { break }
            for descriptor in ready where callers.contains(where: { $0.descriptor == descriptor }) { read(descriptor) }
            for link in links {
                if ready.contains(link.receiver) { answerNext(link) }
                if ready.contains(link.listener) { accept(link.listener) }
            }
        }
        for _ in 0..<Self.byeCount { for link in links { link.sendToAll(host.bye()) } }
    }

    private mutating func reckon(_ now: UInt64) {
        let perSecond = Double(limits.questionCountPerSecondMax)
        allowance = min(perSecond, allowance + Double(now - reckoned) / 1e9 * perSecond)
        reckoned = now
        for caller in callers where caller.deadline <= now { end(caller.descriptor) }
    }

    /// Milliseconds until there is something to do without anybody asking; -1 for never.
    private func patience(_ now: UInt64, _ mayAsk: Bool) -> CInt {
        let times = [hellos.first, callers.map(\.deadline).min()].compactMap { $0 }
        let next = times.min().map { CInt(clamping: ($0 - min(now, $0)) / 1_000_000 + 1) }
        return mayAsk ? next ?? -1 : 20
    }

    private func poll(_ descriptors: [CInt], _ milliseconds: CInt) -> [CInt] {
        var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        // SAFETY: the entries live through the call.
        guard unsafe Glibc.poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return [] }
        return entries.filter { $0.revents != 0 }.map(\.fd)
    }

    // MARK: datagrams

    private mutating func answerNext(_ link: DiscoveryLink) {
        guard let (message, source) = link.receive(into: &buffer) else { return }
        allowance -= 1
        guard !message.isEmpty, let answer = host.answer(datagram: Array(message), at: link.place.address) else {
            return
        }
        link.send(answer, to: source)
    }

    // MARK: HTTP

    private mutating func accept(_ listener: CInt) {
        let descriptor = linux_accept(listener, nil, nil)
        allowance -= 1
        guard descriptor >= 0 else { return }
        if callers.count == limits.callerCountMax { end(callers[0].descriptor) }
        let patience = UInt64(limits.callerTimeout.components.seconds) * 1_000_000_000
        callers.append(Caller(descriptor: descriptor, deadline: Clock.uptime() + patience))
    }

    private mutating func end(_ descriptor: CInt) {
        close(descriptor)
        callers.removeAll { $0.descriptor == descriptor }
    }

    /// Takes what has come. A request that is complete is answered, and that is the end; the answer fits into what the
    /// kernel takes at once.
    private mutating func read(_ descriptor: CInt) {
        guard let index = callers.firstIndex(where: { $0.descriptor == descriptor }) else { return }
        // SAFETY: at most as much is written as there is room for.
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe recv(descriptor, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
        }
        guard count > 0 else { return end(descriptor) }
        callers[index].received += buffer[..<count]
        let answer: [UInt8]
        switch MetadataRequest(callers[index].received, limits: limits) {
        case .unfinished: return
        case .refused(let status): answer = MetadataRequest.response(status: status)
        case .complete("/" + host.announcement.uuid, let body):
            answer =
                host.answer(metadataRequest: body).map { MetadataRequest.response(status: "200 OK", body: $0) }
                ?? MetadataRequest.response(status: "400 Bad Request")
        case .complete: answer = MetadataRequest.response(status: "404 Not Found")
        }
        // SAFETY: the array lives through the call.
        _ = unsafe answer.withUnsafeBytes {
            unsafe send(descriptor, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
        }
        end(descriptor)
    }
}
