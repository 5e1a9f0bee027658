import CLinux
import Glibc

/// The tools' end of the admin socket.
public enum AdminClient {
    /// Longest line of an answer, in bytes.
    static let lineByteCountMax = 4 << 20

    /// Asks, and hands over each line of the answer as it comes.
    /// - Parameter each: returns false to end the conversation.
    /// - Throws: when nobody answers, or with what the server says is wrong.
    public static func ask(
        _ path: String, _ request: JSON, each: (JSON) throws(AdminError) -> Bool
    ) throws(AdminError) {
        // SAFETY: the path is a terminated string for the length of the call.
        let result = unsafe apus_local_connect(path)
        guard result >= 0 else {
            throw AdminError("\(path): \(advice(CInt(-result)))", isUnreachable: true)
        }
        let stream = AdminStream(descriptor: CInt(result))
        // A server that refuses says why before it has read anything.
        _ = stream.send(request)
        while let line = stream.readLine(byteCountMax: lineByteCountMax) {
            guard let object = JSON(parsing: line) else { throw AdminError("\(path): no answer of an Apus server") }
            if let error = object["error"]?.string { throw AdminError(error) }
            guard try each(object) else { return }
        }
    }

    private static func advice(_ code: CInt) -> String {
        switch code {
        case ENOENT, ECONNREFUSED: "no server is running here, or its `admin socket` is another (--socket)"
        case EACCES, EPERM: "only root, the server's own user and the admin group may ask"
        default: systemText(Int(code))
        }
    }
}
