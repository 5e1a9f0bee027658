import Configuration
import ControlPlane
import LinuxFileStore
import Platform

/// Shares that administrators add, change and take away over the network. It is done as `apus share` does it: the
/// configuration is written, and read again.
///
/// The control plane asks for it, and is not believed: all that it can have, on an administrator's pipe, is shares of
/// folders that the configuration gives over to this (`remote share folders`), opened so that no link leads out of them
/// (`LinuxFileStoreOptions.fixedFolder`).
final class RemoteShares: Sendable {
    private typealias Edit = @Sendable (ServerConfiguration, inout ConfigurationText) -> ShareChange
    private final class Order: Sendable {
        let edit: Edit
        let outcome = Mutex(ShareChange.failed)
        let done = Semaphore()
        init(_ edit: @escaping Edit) { self.edit = edit }
    }
    private let config: String
    private let log: @Sendable (String) -> Void
    private let orders = Mutex<[Order]>([])
    private let wake = Semaphore()

    /// - Parameter config: the path of the configuration.
    init(config: String, log: @escaping @Sendable (String) -> Void) {
        self.config = config
        self.log = log
    }

    /// What is asked for before this waits for it.
    ///
    /// Threads that serve clients act as users, and so do the threads that those start: what is written here is written
    /// by one that never served anybody.
    func start(_ reloader: Reloader) throws {
        let isStarted = Thread.detach(name: "remote-shares") { [self] in
            while true {
                wake.wait()
                guard let order = orders.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { continue }
                let outcome = carryOut(order.edit, reloader)
                order.outcome.withLock { $0 = outcome }
                order.done.signal()
            }
        }
        guard isStarted else { throw Service.StartFailure(message: "no thread for changes of shares") }
    }

    private func perform(_ edit: @escaping Edit) -> ShareChange {
        let order = Order(edit)
        orders.withLock { $0.append(order) }
        wake.signal()
        order.done.wait()
        return order.outcome.withLock { $0 }
    }

    // MARK: the changes

    func add(name: String, path: String, comment: String, connectionCountMax: UInt32) -> ShareChange {
        perform { configuration, text in
            guard let root = configuration.remoteShareFolder(of: path) else { return .forbidden }
            guard ToolConfiguration.isShareName(Array(name.utf8)), ConfigurationText.canHold(name),
                ConfigurationText.canHold(path), ConfigurationText.canHold(comment)
            else { return .unwritable }
            guard !text.hasSection(name) else { return .exists }
            guard LinuxFileStore.isFolder(path, beneath: root) else { return .noFolder }
            let entries = [
                ("path", path), ("comment", comment), ("read only", "no"), ("max connections", "\(connectionCountMax)"),
            ]
            text.add(
                section: name,
                entries.filter { !$0.1.isEmpty && ($0.0 != "max connections" || connectionCountMax > 0) })
            return .done
        }
    }

    /// - Parameters:
    ///   - comment: nil to leave it as it is.
    ///   - connectionCountMax: nil to leave it as it is, 0 for no limit.
    func change(_ name: String, comment: String?, connectionCountMax: UInt32?) -> ShareChange {
        perform { configuration, text in
            if let refusal = Self.refusal(of: name, configuration) { return refusal }
            guard comment.map(ConfigurationText.canHold) ?? true else { return .unwritable }
            if let comment { text.set("comment", to: comment, in: name) }
            if let count = connectionCountMax {
                text.set("max connections", to: count > 0 ? "\(count)" : nil, in: name)
            }
            return .done
        }
    }

    func remove(_ name: String) -> ShareChange {
        perform { configuration, text in
            if let refusal = Self.refusal(of: name, configuration) { return refusal }
            return text.remove(section: name) ? .done : .missing
        }
    }

    private static func refusal(of name: String, _ configuration: ServerConfiguration) -> ShareChange? {
        guard let share = configuration.shares.first(where: { $0.name.lowercased() == name.lowercased() }) else {
            return .missing
        }
        return configuration.remoteShareFolder(of: share.path) == nil ? .forbidden : nil
    }

    // MARK: the file

    private func carryOut(_ edit: Edit, _ reloader: Reloader) -> ShareChange {
        do {
            let old = try TextFile.read(config) ?? ""
            let (configuration, _) = try ServerConfiguration.load(path: config, text: old)
            var text = ConfigurationText(old)
            let outcome = edit(configuration, &text)
            guard outcome == .done, text.text != old else { return outcome }
            // What cannot be read again would keep the server from its next start; and every share that is not where it
            // was asked for (`root directory`) is one too many.
            let (new, _) = try ServerConfiguration.load(path: config, text: text.text)
            let known = Set(configuration.shares.map { $0.name.lowercased() })
            let isKept = new.shares.allSatisfy { share in
                known.contains(share.name.lowercased()) || new.remoteShareFolder(of: share.path) != nil
            }
            guard isKept else { return .forbidden }
            try TextFile.rewrite(config, with: Array(text.text.utf8), modeOfNew: 0o600)
            do { try reloader.reload() } catch {
                try TextFile.rewrite(config, with: Array(old.utf8), modeOfNew: 0o600)
                return .failed
            }
            log("shares were changed over the network")
            return .done
        } catch {
            log("a change of shares over the network: \(error)")
            return .failed
        }
    }
}
