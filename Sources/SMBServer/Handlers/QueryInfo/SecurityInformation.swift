import FileStore
import NTTypes
import Platform
import SMBWire

extension SecurityParts {
    /// [MS-FSA] 2.1.5.14: who wants to read these must have been granted it.
    var accessToQuery: AccessMask {
        var access: AccessMask = []
        if !isDisjoint(with: [.owner, .group, .dacl, .label, .attribute, .scope, .backup]) {
            access.insert(.readControl)
        }
        if !isDisjoint(with: [.sacl, .backup]) { access.insert(.accessSystemSecurity) }
        return access
    }
    /// [MS-FSA] 2.1.5.17: who wants to change these must have been granted it.
    var accessToSet: AccessMask {
        var access: AccessMask = []
        if !isDisjoint(with: [.owner, .group, .label, .backup]) { access.insert(.writeOwner) }
        if !isDisjoint(with: [.dacl, .attribute, .backup]) { access.insert(.writeDAC) }
        if !isDisjoint(with: [.sacl, .scope, .backup]) { access.insert(.accessSystemSecurity) }
        return access
    }
}

extension QueryInfoHandler {
    /// [MS-SMB2] 3.3.5.20.3.
    static func encodeSecurityInformation(
        _ query: InformationQuery, of open: Open, into output: OutputBuffer, in context: inout RequestContext
    ) throws(NTStatus) {
        let parts = SecurityParts(rawValue: query.additionalInformation)
        try open.require(parts.accessToQuery)
        let whole = try SecurityDescriptor(try open.file.securityDescriptor(as: open.credentials)[...])
        let descriptor = whole.selecting(parts).encoded()
        // All or nothing: too small a buffer is told how large it must be, in 4 bytes of error data, 2.2.2.
        guard descriptor.count <= output.limit else {
            context.errorResponse = ErrorResponse(requiredBufferLength: UInt32(descriptor.count))
            throw .bufferTooSmall
        }
        output.reply.append(descriptor)
    }
}
