import SMBServer
import SMBWire
import Transport

/// The server's counts in Prometheus' text format, version 0.0.4.
struct MetricsText {
    let server: Server
    let connectionCount: Int

    var text: String {
        var text = ""
        let commands = server.metrics?.commands ?? []
        func family(_ name: String, _ kind: String, _ help: String) {
            text += "# HELP apus_\(name) \(help)\n# TYPE apus_\(name) \(kind)\n"
        }
        func one(_ name: String, _ kind: String, _ help: String, _ value: some BinaryInteger) {
            family(name, kind, help)
            text += "apus_\(name) \(value)\n"
        }
        func each(_ name: String, _ help: String, _ value: (Metrics.Command) -> UInt64) {
            family(name, "counter", help)
            for command in commands { text += "apus_\(name){command=\"\(Self.name(command))\"} \(value(command))\n" }
        }
        let occupancy = server.occupancy
        one("connections", "gauge", "Connections of clients.", connectionCount)
        one("sessions", "gauge", "Sessions.", occupancy.sessions)
        one("opens", "gauge", "Open files, folders and pipes.", occupancy.opens)
        one("leases", "gauge", "Leases.", server.leaseCount)
        one("breaks_total", "counter", "Oplock and lease breaks sent.", server.breakCount)
        one("denials_total", "counter", "Requests that were refused for want of a right.", server.denials.count)
        each("requests_total", "Requests that were answered.") { $0.requestCount }
        each("errors_total", "Requests that were answered with an error.") { $0.errorCount }
        each("received_bytes_total", "Bytes of requests.") { $0.receivedByteCount }
        each("sent_bytes_total", "Bytes of responses.") { $0.sentByteCount }
        family("request_duration_seconds", "histogram", "From a request's beginning to its answer.")
        for command in commands { text += Self.histogram(command) }
        return text
    }

    private static func histogram(_ command: Metrics.Command) -> String {
        let label = "command=\"\(name(command))\""
        var text = ""
        var sum: UInt64 = 0
        for (bound, count) in zip(Metrics.bounds, command.buckets) {
            sum += count
            text += "apus_request_duration_seconds_bucket{\(label),le=\"\(Double(bound) / 1e9)\"} \(sum)\n"
        }
        text += "apus_request_duration_seconds_bucket{\(label),le=\"+Inf\"} \(command.requestCount)\n"
        text += "apus_request_duration_seconds_sum{\(label)} \(Double(command.nanoseconds) / 1e9)\n"
        return text + "apus_request_duration_seconds_count{\(label)} \(command.requestCount)\n"
    }

    private static func name(_ command: Metrics.Command) -> String {
        SMB2Command(rawValue: UInt16(command.code)).map { "\($0)" } ?? "unknown"
    }
}
