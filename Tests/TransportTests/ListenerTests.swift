import Glibc
import Testing

@testable import Transport

@Suite("Where a server listens") struct ListenerTests {
    /// RFC 4862 5.4. The address is one that the interface does not have, as good as tentative to the kernel.
    @Test func anInterfacesOwnAddressMayBeTentative() throws {
        do throws(TransportError) {
            close(try Listener.open("fe80::db8:1%lo", 0))
        } catch {
            guard case .cannotListen(_, _, EAFNOSUPPORT) = error else { throw error }
        }
    }

    @Test func anyOtherAddressMustBeThere() {
        #expect(throws: TransportError.self) { try Listener.open("2001:db8::1", 0) }
        #expect(throws: TransportError.self) { try Listener.open("192.0.2.1", 0) }
    }
}
