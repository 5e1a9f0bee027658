import NTTypes
import Platform

/// SMB2 CREATE Request, [MS-SMB2] 2.2.13.
public struct CreateRequest: ~Escapable {
    public static var structureSize: UInt16 { 57 }
    /// RequestedOplockLevel: 0 none, 1 II, 8 exclusive, 9 batch, 0xFF lease.
    public let requestedOplockLevel: UInt8
    /// 0 anonymous to 3 delegate; raw, since the server judges it.
    public let impersonationLevel: UInt32
    public let desiredAccess: AccessMask
    public let fileAttributes: FileAttributes
    public let shareAccess: ShareAccess
    /// Raw: `CreateDisposition`.
    public let createDisposition: UInt32
    public let createOptions: CreateOptions
    /// UTF-16LE, relative to the share.
    public let name: RawSpan
    /// The chain of create contexts, to be walked by `CreateContextReader`.
    public let contexts: RawSpan

    @_lifetime(copy reader)
    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        try reader.skip(1)
        requestedOplockLevel = try reader.read()
        impersonationLevel = try reader.read()
        try reader.skip(16)
        desiredAccess = AccessMask(rawValue: try reader.read())
        fileAttributes = FileAttributes(rawValue: try reader.read())
        shareAccess = ShareAccess(rawValue: try reader.read())
        createDisposition = try reader.read()
        createOptions = CreateOptions(rawValue: try reader.read())
        let nameOffset = try reader.read(UInt16.self)
        let nameLength = try reader.read(UInt16.self)
        let contextsOffset = try reader.read(UInt32.self)
        let contextsLength = try reader.read(UInt32.self)
        name = try reader.slice(offset: Int(nameOffset), length: Int(nameLength))
        contexts = try reader.slice(offset: Int(contextsOffset), length: Int(contextsLength))
    }

    /// What a client asks for.
    public struct Parameters: Sendable {
        public var requestedOplockLevel: UInt8 = 0
        public var impersonationLevel: UInt32 = 2
        public var desiredAccess: AccessMask
        public var fileAttributes: FileAttributes = []
        public var shareAccess: ShareAccess = [.read, .write, .delete]
        public var createDisposition: CreateDisposition
        public var createOptions: CreateOptions = []
        public var name: NTName
        public var contexts: [CreateContext] = []
        public init(name: NTName, desiredAccess: AccessMask, createDisposition: CreateDisposition) {
            self.name = name
            self.desiredAccess = desiredAccess
            self.createDisposition = createDisposition
        }
    }

    /// For a client. - Parameter headerStart: of the SMB2 header in `buffer`.
    public static func encode(_ parameters: Parameters, into buffer: PDUBuffer, headerStart: Int) {
        let start = buffer.count
        buffer.append(structureSize)
        buffer.append(0 as UInt8)
        buffer.append(parameters.requestedOplockLevel)
        buffer.append(parameters.impersonationLevel)
        buffer.appendZeros(16)
        buffer.append(parameters.desiredAccess.rawValue)
        buffer.append(parameters.fileAttributes.rawValue)
        buffer.append(parameters.shareAccess.rawValue)
        buffer.append(parameters.createDisposition.rawValue)
        buffer.append(parameters.createOptions.rawValue)
        buffer.append(UInt16(start + 56 - headerStart))
        buffer.append(0 as UInt16)
        buffer.append(0 as UInt64)
        buffer.append(utf16: parameters.name)
        buffer.patch(UInt16(buffer.count - start - 56), at: start + 46)
        if parameters.name.isEmpty { buffer.append(0 as UInt8) }
        guard !parameters.contexts.isEmpty else { return }
        buffer.align(to: 8, from: headerStart)
        let contextStart = buffer.count
        CreateContext.encode(parameters.contexts, into: buffer)
        buffer.patch(UInt32(contextStart - headerStart), at: start + 48)
        buffer.patch(UInt32(buffer.count - contextStart), at: start + 52)
    }
}

/// SMB2 CREATE Response, [MS-SMB2] 2.2.14.
public struct CreateResponse: Equatable, Sendable {
    public static var structureSize: UInt16 { 89 }
    public var oplockLevel: UInt8 = 0
    /// SMB2_CREATE_FLAG_REPARSEPOINT: 1.
    public var flags: UInt8 = 0
    public var createAction: CreateAction = .opened
    public var information = NetworkOpenInformation()
    public var fileID = FileID(persistent: 0, volatile: 0)
    public var contexts: [CreateContext] = []

    public init() {}

    public init(from reader: inout WireReader) throws(WireError) {
        try reader.expectStructureSize(Self.structureSize)
        oplockLevel = try reader.read()
        flags = try reader.read()
        guard let action = CreateAction(rawValue: try reader.read()) else { throw .invalid("CreateAction") }
        createAction = action
        information = try NetworkOpenInformation(from: &reader)
        try reader.skip(4)
        fileID = try FileID(from: &reader)
        let offset = try reader.read(UInt32.self)
        let length = try reader.read(UInt32.self)
        let bytes = try reader.slice(offset: Int(offset), length: Int(length))
        var walk = CreateContextReader(bytes)
        while try walk.next() { contexts.append(CreateContext(name: walk.name, data: walk.data.array)) }
    }

    /// - Parameter headerStart: of the SMB2 header in `buffer`.
    public func encode(into buffer: PDUBuffer, headerStart: Int) {
        let start = buffer.count
        buffer.append(Self.structureSize)
        buffer.append(oplockLevel)
        buffer.append(flags)
        buffer.append(createAction.rawValue)
        information.encode(into: buffer)
        buffer.append(0 as UInt32)
        buffer.append(fileID)
        buffer.append(0 as UInt64)
        guard !contexts.isEmpty else {
            // StructureSize counts one byte of the buffer.
            return
        }
        let contextStart = buffer.count
        CreateContext.encode(contexts, into: buffer)
        buffer.patch(UInt32(contextStart - headerStart), at: start + 80)
        buffer.patch(UInt32(buffer.count - contextStart), at: start + 84)
    }
}
