import Administration
import NTTypes
import SMBServer

/// Verbs that change something.
enum ManagementVerbs {
    static func make(_ subject: AdminSide.Subject) -> [AdminVerb] {
        [reload(subject), logLevel, closeSession(subject), closeFile(subject), who(subject)]
    }

    private static func reload(_ subject: AdminSide.Subject) -> AdminVerb {
        AdminVerb("reload") { _, reply throws(AdminError) in
            do {
                for warning in try subject.reloader.reload() { _ = reply.send(["warning": .string(warning)]) }
            } catch {
                throw AdminError("\(error); nothing is changed")
            }
            _ = reply.send(["done": true])
        }
    }

    /// With `level`: sets it; `toggle` goes between debug and info. Answers with what it is then.
    private static var logLevel: AdminVerb {
        AdminVerb("log-level") { request, reply throws(AdminError) in
            if request.parameters["level"] != nil {
                let name = try request.text("level")
                let toggled: LogLevel = LogLevel.current == .debug ? .info : .debug
                guard let level = name == "toggle" ? toggled : LogLevel(name: name) else {
                    throw AdminError("there is no level '\(name)'; there are debug and info")
                }
                LogLevel.current = level
            }
            _ = reply.send(["level": .string(LogLevel.current.name)])
        }
    }

    private static func closeSession(_ subject: AdminSide.Subject) -> AdminVerb {
        AdminVerb("session-close") { request, reply throws(AdminError) in
            let identifier = try request.number("id")
            guard subject.server.endSession(identifier) else {
                throw AdminError("there is no session \(identifier); apus status lists them")
            }
            subject.log("session \(identifier) was closed by the administrator (uid \(request.caller.userID))")
            _ = reply.send(["done": true])
        }
    }

    private static func closeFile(_ subject: AdminSide.Subject) -> AdminVerb {
        AdminVerb("file-close") { request, reply throws(AdminError) in
            let identifier = try request.number("id")
            guard subject.server.closeOpen(fileID: identifier) else {
                throw AdminError("there is no open file \(identifier); apus status and apus who list them")
            }
            subject.log("open file \(identifier) was closed by the administrator (uid \(request.caller.userID))")
            _ = reply.send(["done": true])
        }
    }

    /// A path on the server or, with `share`, in a share. Answers with every open of it, and with `beneath` of what is
    /// below.
    private static func who(_ subject: AdminSide.Subject) -> AdminVerb {
        AdminVerb("who") { request, reply throws(AdminError) in
            let path = try request.text("path")
            guard let places = subject.shares.places(of: path) else {
                throw AdminError("\(path) is in none of the shares; apus share list shows where they are")
            }
            for place in places {
                _ = reply.send(["place": ["share": .string(place.share), "path": .string(place.path)]])
            }
            let isBeneath = request.parameters["beneath"]?.boolean ?? false
            let opens = subject.server.openStates { share, path in
                places.contains { $0.matches(share: share, path: path, beneath: isBeneath) }
            }
            for open in opens where !reply.send(["open": StatusVerb.describe(open)]) { return }
        }
    }
}
