import FileStore
import NTTypes
import Platform
import SMBWire

extension SetInfoHandler {
    /// FileAllocationInformation, [MS-FSA] 2.1.5.15.1.
    static func setAllocation(_ input: [UInt8], on open: Open, in context: inout RequestContext) throws(NTStatus) {
        let size = try size(input, on: open)
        defer { context.breakReaders(by: open) }
        try open.keepingFrozenTimes { () throws(NTStatus) in try open.file.setAllocationSize(size) }
    }

    /// FileEndOfFileInformation, [MS-FSA] 2.1.5.15.4.
    static func setEndOfFile(_ input: [UInt8], on open: Open, in context: inout RequestContext) throws(NTStatus) {
        let size = try size(input, on: open)
        defer { context.breakReaders(by: open) }
        try open.keepingFrozenTimes { () throws(NTStatus) in try open.file.setEndOfFile(size) }
    }

    /// FileValidDataLengthInformation, [MS-FSA] 2.1.5.15.13: declares what lies on the disk to be the file's. That
    /// takes a privilege which nobody has here.
    static func setValidDataLength(_ input: [UInt8], on open: Open) throws(NTStatus) {
        let length = try size(input, on: open)
        guard length <= (try open.file.information().endOfFile) else { throw .invalidParameter }
        throw .privilegeNotHeld
    }

    /// What the three have in common.
    private static func size(_ input: [UInt8], on open: Open) throws(NTStatus) -> UInt64 {
        guard input.count >= 8 else { throw .infoLengthMismatch }
        // [MS-SMB2] 3.3.5.21.1.
        try open.require(.writeData)
        guard !open.isDirectory else { throw .invalidParameter }
        let size = input.littleEndian64(at: 0)
        guard size <= UInt64(Int64.max) else { throw .invalidParameter }
        return size
    }

    /// FileFullEaInformation, [MS-FSA] 2.1.5.15.5.
    static func setExtendedAttributes(
        _ input: [UInt8], on open: Open, in context: inout RequestContext
    ) throws(NTStatus) {
        try open.require(.writeExtendedAttributes)
        guard input.count <= context.limits.extendedAttributesByteCountMax else { throw .extendedAttributeTooLarge }
        let attributes = try ExtendedAttributeList.decode(input)
        guard !attributes.isEmpty else { return }
        try open.file.setExtendedAttributes(attributes, as: open.credentials)
    }
}
