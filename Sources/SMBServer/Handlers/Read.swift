import FileStore
import NTTypes
import Platform
import SMBWire

/// Receiving an SMB2 READ Request, [MS-SMB2] 3.3.5.12. The file is read straight into the reply.
enum ReadHandler {
    static func run(_ reader: inout WireReader, _ context: inout RequestContext) throws(NTStatus) {
        let request: ReadRequest
        do { request = try ReadRequest(from: &reader) } catch { throw .invalidParameter }
        let open = try context.open(request.fileID)
        guard request.length <= context.limits.readByteCountMax else { throw .invalidParameter }
        try context.requireCredits(payload: Int(request.length))
        // Channels other than the connection itself belong to SMB Direct.
        guard request.channel == 0 else { throw .invalidParameter }
        guard !open.isDirectory else { throw .invalidDeviceRequest }
        // Reading a program in order to run it is reading.
        try open.requireAny(of: [.readData, .execute])
        if let pipe = open.pipe { return try read(request, from: pipe, in: &context) }
        // [MS-FSA] 2.1.5.3: no file reaches beyond 2^63 - 1.
        guard request.offset <= UInt64(Int64.max) - UInt64(request.length) else { throw .invalidParameter }
        if open.node.isLocked(request.offset..<request.offset + UInt64(request.length), against: open, writing: false) {
            throw .fileLockConflict
        }
        let marker = ReadResponse.begin(into: context.reply)
        let count = try read(request, from: open, in: context)
        // [MS-SMB2] 3.3.5.12: nothing where something was asked for is the end; so is less than the client can use.
        if count == 0, request.length > 0 || request.minimumCount > 0 { throw .endOfFile }
        if UInt32(count) < request.minimumCount { throw .endOfFile }
        open.currentByteOffset.store(request.offset + UInt64(count), ordering: .relaxed)
        open.treeConnect.readByteCount.wrappingAdd(UInt64(count), ordering: .relaxed)
        // A variable of its own: of `context.reply.count += …` the compiler tells the thread sanitizer that it changes
        // what the context's first field refers to, the server.
        let reply = context.reply
        reply.count += count
        ReadResponse.finish(marker, in: reply)
        if context.server.settings.hasTortureControls { pad(reply, marker: marker, on: context.connection) }
        // StructureSize counts one byte of data; it is there even in an empty answer.
        if count == 0 { reply.append(0 as UInt8) }
    }

    private static func read(
        _ request: ReadRequest, from open: Open, in context: borrowing RequestContext
    ) throws(NTStatus) -> Int {
        guard request.length > 0 else { return 0 }
        // SAFETY: the spare room stays where it is as long as nothing is appended, and nothing is before the read ends.
        let room = unsafe context.reply.spare(Int(request.length))
        do throws(NTStatus) {
            return try unsafe open.file.read(into: room, at: request.offset, mayBlock: false)
        } catch {
            guard error == .pending else { throw error }
        }
        context.connection.transport.willBlock()
        // SAFETY: `room` is the reply's spare space, which only this request writes to.
        return try unsafe open.file.read(into: room, at: request.offset, mayBlock: true)
    }
}
