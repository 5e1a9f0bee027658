import DCERPC
import Testing

/// CVE-2017-7494, CVE-2023-3961: a pipe's name is looked up in a list, as a whole, and is never part of a path.
@Suite("Names of pipes") struct PipeNameTests {
    @Test(arguments: [
        "../../tmp/x", "..\\srvsvc", "../srvsvc", "/etc/passwd", "srvsvc/..", "srvsvc\\", "lib.so", "x\\srvsvc",
        "/srvsvc", "\\\\srvsvc", "srvsvc\0", "srvsvc\0.so", " srvsvc", "", "\\", ".", "epmapper",
    ]) func pipesHaveNoPaths(name: String) { #expect(PipeName(client: name) == nil) }

    @Test(arguments: PipeName.allCases) func theListIsAllThereIs(name: PipeName) {
        #expect(PipeName(client: name.rawValue) == name)
        #expect(PipeName(client: "\\\(name.rawValue.uppercased())") == name)
    }
}
