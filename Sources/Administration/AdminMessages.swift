/// What is asked over the admin socket: one line, a JSON object `{"verb": NAME, …}`. The answer is any number of lines,
/// each a JSON object, and then the end of the stream; `{"error": TEXT}` says what went wrong.
public struct AdminRequest: Sendable {
    /// Longest request, in bytes.
    public static let byteCountMax = 16 << 10
    public let verb: String
    /// The whole object.
    public let parameters: JSON
    public let caller: AdminCaller

    /// - Returns: nil for a line that is no request.
    init?(line: String, caller: AdminCaller) {
        guard let parameters = JSON(parsing: line), let verb = parameters["verb"]?.string else { return nil }
        self.verb = verb
        self.parameters = parameters
        self.caller = caller
    }

    /// - Throws: where the parameter is missing or no text.
    public func text(_ name: String) throws(AdminError) -> String {
        guard let text = parameters[name]?.string else { throw AdminError("\(verb) wants a text '\(name)'") }
        return text
    }

    /// - Throws: where the parameter is missing, no whole number, or negative.
    public func number(_ name: String) throws(AdminError) -> UInt64 {
        guard let number = parameters[name]?.integer, number >= 0 else {
            throw AdminError("\(verb) wants a number '\(name)'")
        }
        return UInt64(number)
    }
}

/// Who has called, as the kernel says.
public struct AdminCaller: Equatable, Sendable {
    public var userID: UInt32
    /// The main one, and the supplementary ones.
    public var groupIDs: [UInt32]
    public var processID: Int32

    public init(userID: UInt32, groupIDs: [UInt32], processID: Int32) {
        self.userID = userID
        self.groupIDs = groupIDs
        self.processID = processID
    }
}

/// Who may use the admin socket: root, the server's own user, and the members of one group.
public struct AdminPolicy: Sendable {
    public var ownUserID: UInt32
    public var groupID: UInt32?

    public init(ownUserID: UInt32, groupID: UInt32?) {
        self.ownUserID = ownUserID
        self.groupID = groupID
    }

    public func admits(_ caller: AdminCaller) -> Bool {
        caller.userID == 0 || caller.userID == ownUserID || groupID.map(caller.groupIDs.contains) ?? false
    }
}

/// For the caller to read: what happened, and what to do.
public struct AdminError: Error, Equatable, CustomStringConvertible, Sendable {
    public let description: String
    /// No server was there to ask.
    public let isUnreachable: Bool
    public init(_ description: String, isUnreachable: Bool = false) {
        (self.description, self.isUnreachable) = (description, isUnreachable)
    }
}

/// Where a verb's answer goes.
public protocol AdminReply: AnyObject {
    /// Sends one line. - Returns: false once the caller has gone, or does not read: there is nothing more to do.
    func send(_ object: JSON) -> Bool
    /// False once the caller has hung up: for verbs that wait for something to tell.
    var isAwaited: Bool { get }
}

/// One verb. Runs on a thread of its own, so it may take its time; what it reads is shared with threads that serve
/// clients, so it holds a lock for no longer than a look takes.
public struct AdminVerb: Sendable {
    public let name: String
    public let run: @Sendable (AdminRequest, any AdminReply) throws(AdminError) -> Void

    public init(
        _ name: String, _ run: @escaping @Sendable (AdminRequest, any AdminReply) throws(AdminError) -> Void
    ) {
        self.name = name
        self.run = run
    }
}
