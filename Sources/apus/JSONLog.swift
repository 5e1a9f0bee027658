import Administration
import Logging
import NTTypes
import Platform

/// `log format = json`: each message one JSON object on a line of the standard error stream.
struct JSONLog: LogHandler {
    /// Whether it is this that the process writes.
    static let isWanted = Flag()

    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let object: JSON = [
            "time": .string(Clock.wall().text), "level": .string(event.level.rawValue),
            "message": .string("\(event.message)"),
        ]
        StandardError.write(object.text + "\n")
    }
}
