import FileStore
import Glibc
import NTTypes

extension LinuxFileStore {
    func openStream(_ stream: NTName, of path: NTPath, _ parameters: OpenParameters, as user: Credentials)
        throws(NTStatus) -> OpenedFile { throw .objectNameInvalid }
}
extension LinuxFile {
    func streams() throws(NTStatus) -> [StreamInformation] {
        if isDirectory { return [] }
        let information = try information()
        return [StreamInformation(
            name: NTName(utf8: []), endOfFile: information.endOfFile, allocationSize: information.allocationSize)]
    }
    func extendedAttributes(as user: Credentials) throws(NTStatus) -> [ExtendedAttribute] { [] }
    func setExtendedAttributes(_ attributes: [ExtendedAttribute], as user: Credentials) throws(NTStatus) {
        throw .extendedAttributesNotSupported
    }
    func extendedAttributeSize(_ descriptor: CInt) -> UInt32 { 0 }
    func removeStreamsAndExtendedAttributes(_ descriptor: CInt) throws(NTStatus) {}
    func securityDescriptor(as user: Credentials) throws(NTStatus) -> [UInt8] { throw .notSupported }
    func setSecurityDescriptor(_ descriptor: [UInt8], parts: UInt32, as user: Credentials) throws(NTStatus) {
        throw .notSupported
    }
    func setInitialSecurityDescriptor(_ descriptor: [UInt8], as user: Credentials) throws(NTStatus) {}
}
