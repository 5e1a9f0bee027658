import Configuration
import NTTypes

extension LoginService {
    /// Why a login was refused, in words. The client is told nothing of it but the status.
    func reason(_ status: NTStatus, _ user: String) -> RefusalReason {
        let configuration = settings.configuration
        let (rule, remedy): (String, String)
        switch status.cause {
        case .unknownAccount:
            rule = "\(settings.usersPath) has no user '\(user)'"
            remedy = "ksmbd.adduser -a \(user); or map to guest = bad user"
        case .wrongPassword:
            rule = "'\(user)' gave another password than the one in \(settings.usersPath)"
            remedy = "ksmbd.adduser -u \(user) sets a new one"
        case .oldNTLM:
            rule = "\(configuration.place(of: "ntlm auth")): '\(user)' came with NTLMv1"
            remedy = "let the client use NTLMv2, or ntlm auth = ntlmv1-permitted"
        case .anonymous:
            rule = "nobody logs in without a name"
            remedy = "log in with a name and password"
        case .ticket:
            rule = "the Kerberos ticket was not good; the log says why"
            remedy = "see that the keytab has the service's current key and that the clocks agree"
        case .malformedToken, nil:
            rule = "the client's login message makes no sense, or somebody has changed it on the way"
            remedy = "none"
        default:
            rule = "the login failed"
            remedy = "none"
        }
        return RefusalReason(.login, rule, remedy: remedy, user: user)
    }
}
