import Configuration
import Platform

/// Reads the configuration and the accounts again. Who is connected stays connected, with the share as it was; who
/// connects from then on gets what the files say now.
final class Reloader: Sendable {
    /// One at a time.
    private let turn = Semaphore(count: 1)
    private let config: String
    private let log: @Sendable (String) -> Void
    private let apply: @Sendable (ServerConfiguration) throws -> Void

    /// - Parameter apply: has everything follow the new configuration, or nothing.
    init(
        config: String, log: @escaping @Sendable (String) -> Void,
        apply: @escaping @Sendable (ServerConfiguration) throws -> Void
    ) {
        self.config = config
        self.log = log
        self.apply = apply
    }

    /// - Returns: what there is to warn about.
    /// - Throws: what is wrong with the files; then nothing is changed.
    @discardableResult
    func reload() throws -> [String] {
        turn.wait()
        defer { turn.signal() }
        log("reading \(config) again")
        do {
            let (configuration, warnings) = try ServerConfiguration.load(config)
            for warning in warnings { log(warning) }
            try apply(configuration)
            return warnings
        } catch {
            log("\(error); nothing is changed")
            throw error
        }
    }
}
