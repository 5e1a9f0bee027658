import NTTypes
import Testing

/// Paths as clients send them, [MS-FSCC] 2.1.5.
struct ClientPathTests {
    @Test("Two dots go up, and never out of the share")
    func parentFolder() throws {
        #expect(try NTPath(clientName: NTName(#"a\b\..\c"#)).components == [NTName("a"), NTName("c")])
        #expect(try NTPath(clientName: NTName(#"a\.."#)).isRoot)
        for name in ["..", #"a\..\..\b"#, #"..\a"#] {
            #expect(throws: NTStatus.objectPathSyntaxBad) { try NTPath(clientName: NTName(name)) }
        }
    }
}
