import Administration
import Configuration
import NTTypes
import SMBServer

/// `denials`: the last refused requests, oldest first, each with where on its way it was refused, by what, and what
/// would allow it.
enum DenialsVerb {
    private static let entryCountMax = 1000

    static func make(_ subject: AdminSide.Subject) -> AdminVerb {
        AdminVerb("denials") { request, reply throws(AdminError) in
            var limit = entryCountMax
            if request.parameters["limit"] != nil { limit = min(limit, Int(clamping: try request.number("limit"))) }
            let configuration = subject.configuration()
            for denial in subject.server.denials.last(limit) {
                guard reply.send(["denial": describe(denial, configuration)]) else { return }
            }
        }
    }

    private static func describe(_ denial: Denial, _ configuration: ServerConfiguration) -> JSON {
        let reason =
            denial.reason
            ?? RefusalText(
                configuration: configuration,
                subject: .init(
                    status: denial.status, user: denial.user, share: denial.share, path: denial.path,
                    access: denial.access, holder: denial.holder, store: denial.store, credentials: denial.credentials)
            ).reason
        return [
            "number": JSON(denial.number), "time": .string(denial.time.text), "count": JSON(denial.count),
            "client": .string(denial.client), "user": .string(denial.user), "command": .string(denial.command),
            "status": .string(denial.status.words), "share": .string(denial.share), "path": .string(denial.path),
            "access": .string(denial.access.expandingGenericRights.rightsText), "stage": .string(reason.stage.name),
            "reason": .string(reason.rule), "remedy": .string(reason.remedy),
        ]
    }
}
