import NTTypes
import Platform
import Testing

@testable import DCERPC

@Suite("Shares that administrators add, change and delete, [MS-SRVS] 3.1.4.7, 3.1.4.11, 3.1.4.12")
struct ShareChangeTests {
    /// SHARE_INFO_2 and 502, as clients send them.
    private struct Wanted {
        var name = "media"
        var type: UInt32 = 0
        var comment = "films"
        var limit: UInt32 = 7
        var path = "C:\\srv\\media"
        var descriptor: [UInt8]?

        func write(_ writer: inout NDRWriter, level: UInt32) {
            writer.parameter { writer in
                writer.discriminant(level)
                writer.pointer { writer in
                    writer.structure { writer in
                        writer.stringPointer(name)
                        writer.number(type)
                        writer.stringPointer(comment)
                        guard level > 1 else { return }
                        writer.numbers(0, limit, 0)
                        writer.stringPointer(path)
                        writer.stringPointer(nil)
                        guard level == 502 else { return }
                        writer.number(UInt32(descriptor?.count ?? 0))
                        writer.pointer(
                            descriptor.map { bytes in
                                { writer in
                                    writer.count(bytes.count)
                                    writer.append(bytes)
                                }
                            })
                    }
                }
            }
        }
    }

    /// - Returns: the error, and which member is said to be at fault.
    private func call(
        _ operation: UInt16, _ stub: [UInt8], _ server: FixedServer, syntax: TransferSyntax = .ndr,
        caller: Caller = .root
    ) throws -> (result: UInt32, member: UInt32?) {
        var session = RPCSession(caller: caller, limits: RPCLimits())
        let answer = try RPCInterface.serverService.call(
            operation, NDRReader(stub[...], syntax: syntax), &session, server)
        var reader = NDRReader(answer[...], syntax: syntax)
        guard ![18, 19].contains(operation) else { return (try reader.number(), nil) }
        let member: UInt32? = try reader.pointer() ? try reader.number() : nil
        return (try reader.number(), member)
    }

    private func add(_ wanted: Wanted, level: UInt32 = 2, syntax: TransferSyntax = .ndr) -> [UInt8] {
        var writer = NDRWriter(syntax: syntax)
        writer.parameter { $0.stringPointer("\\\\server") }
        writer.number(level)
        wanted.write(&writer, level: level)
        writer.parameter { $0.pointer { $0.number(0 as UInt32) } }
        return writer.bytes
    }

    private func change(
        _ name: String = "test", _ level: UInt32, syntax: TransferSyntax = .ndr, _ body: (inout NDRWriter) -> Void
    ) -> [UInt8] {
        var writer = NDRWriter(syntax: syntax)
        writer.pointer(nil)
        writer.string(name)
        writer.number(level)
        body(&writer)
        writer.pointer(nil)
        return writer.bytes
    }

    private func change(level: UInt32, to text: String) -> [UInt8] {
        change("test", level) { writer in
            writer.parameter { writer in
                writer.discriminant(level)
                writer.pointer { $0.structure { $0.stringPointer(text) } }
            }
        }
    }

    private func change(level: UInt32, to number: UInt32) -> [UInt8] {
        change("test", level) { writer in
            writer.parameter { writer in
                writer.discriminant(level)
                writer.pointer { $0.number(number) }
            }
        }
    }

    @Test(arguments: [TransferSyntax.ndr, .ndr64], [2, 502] as [UInt32])
    func aShareIsAdded(_ syntax: TransferSyntax, _ level: UInt32) throws {
        let server = FixedServer()
        let outcome = try call(14, add(Wanted(), level: level, syntax: syntax), server, syntax: syntax)
        #expect(outcome == (0, 0))
        #expect(server.changes.withLock { $0 } == ["add media /srv/media films 7"])
    }

    @Test func everyPrefixIsRefusedAndDoesNothing() {
        for level: UInt32 in [2, 502] {
            let server = FixedServer()
            let stub = add(Wanted(descriptor: everyone(0x1F01FF)), level: level)
            for count in 0..<stub.count {
                #expect(throws: RPCFault.self) { _ = try call(14, Array(stub[..<count]), server) }
            }
            #expect(server.changes.withLock { $0 }.isEmpty)
        }
    }

    @Test func nobodyElseMay() throws {
        let server = FixedServer()
        for caller in [Caller.alice, .anonymous] {
            #expect(try call(14, add(Wanted()), server, caller: caller).result == 5)
            #expect(try call(17, change(level: 1004, to: "x"), server, caller: caller).result == 5)
            #expect(try call(18, remove("test"), server, caller: caller).result == 5)
        }
        #expect(server.changes.withLock { $0 }.isEmpty)
    }

    private static let bad: [(Wanted, UInt32, UInt32)] = [
        (Wanted(name: ""), 123, 1), (Wanted(name: "a/b"), 123, 1), (Wanted(type: 1), 87, 3), (Wanted(type: 3), 87, 3),
        (Wanted(path: "media"), 87, 8), (Wanted(path: "C:media"), 87, 8), (Wanted(path: ""), 87, 8),
        (Wanted(path: ":"), 87, 8),
    ]

    @Test(arguments: bad.indices) func whatIsWrongIsNamed(_ index: Int) throws {
        let (wanted, error, member) = Self.bad[index]
        let server = FixedServer()
        #expect(try call(14, add(wanted), server) == (error, member))
        #expect(server.changes.withLock { $0 }.isEmpty)
    }

    private func everyone(_ mask: UInt32, type: UInt8 = 0) -> [UInt8] {
        let mask = (0..<4).map { UInt8(truncatingIfNeeded: mask >> (8 * $0)) }
        return [1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 2, 0, 28, 0, 1, 0, 0, 0]
            + [type, 0, 20, 0] + mask + SID(1, 0).encoded
    }

    /// Shares have no descriptor of their own: one that says what holds anyway is taken, any other refused.
    @Test func aDescriptorThatWouldBeForgottenIsRefused() throws {
        let server = FixedServer()
        for good in [everyone(0x1F01FF), everyone(0x1000_0000)] {
            #expect(try call(14, add(Wanted(descriptor: good), level: 502), server).result == 0)
        }
        for bad in [everyone(0x1200A9), everyone(0x1F01FF, type: 1), [1, 2, 3]] {
            #expect(try call(14, add(Wanted(descriptor: bad), level: 502), server) == (50, 501))
        }
        #expect(server.changes.withLock { $0 }.count == 2)
    }

    @Test func commentAndLimitAreSet() throws {
        let server = FixedServer()
        #expect(try call(17, change(level: 1004, to: "new"), server).result == 0)
        #expect(try call(17, change(level: 1006, to: 9), server).result == 0)
        #expect(try call(17, change(level: 1006, to: .max), server).result == 0)
        #expect(try call(17, change(level: 1005, to: 0), server).result == 0)
        #expect(try call(17, change(level: 1005, to: 0x30), server).result == 50)
        for level: UInt32 in [1, 2, 502] {
            let stub = change("TEST", level) { Wanted().write(&$0, level: level) }
            #expect(try call(17, stub, server).result == 0)
        }
        #expect(
            server.changes.withLock { $0 } == [
                "change test new -", "change test - 9", "change test - 0", "change test - -", "change test films -",
                "change test films 7", "change test films 7",
            ])
    }

    @Test func whatIsNoShareOfAFolderStays() throws {
        let server = FixedServer()
        let stub = change("ipc$", 1) { Wanted().write(&$0, level: 1) }
        #expect(try call(17, stub, server).result == 5)
        #expect(try call(17, change("none", 1) { Wanted().write(&$0, level: 1) }, server).result == 2310)
        #expect(try call(18, remove("IPC$"), server).result == 5)
        #expect(try call(18, remove("none"), server).result == 2310)
        #expect(try call(17, change(level: 7, to: 0), server).result == 124)
        #expect(server.changes.withLock { $0 }.isEmpty)
        #expect(try call(18, remove("TEST"), server).result == 0)
        #expect(try call(19, remove("test"), server).result == 0)
        #expect(server.changes.withLock { $0 } == ["remove test", "remove test"])
    }

    private func remove(_ name: String) -> [UInt8] {
        var writer = NDRWriter()
        writer.pointer(nil)
        writer.string(name)
        writer.number(0 as UInt32)
        return writer.bytes
    }
}
