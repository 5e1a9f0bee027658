import EngineHost
import Glibc
import Testing

/// What the fuzzer of whole connections has found worth keeping: each input reaches code that the others do not, and
/// ends the process if a reply is wrong or something is left behind.
@Suite("The corpus of FuzzConnection") struct KeptCorpusTests {
    @Test func everyInputIsAnsweredAndLeavesNothingBehind() throws {
        let here = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let folder = "/\(here)/Fuzz/Corpus/FuzzConnection"
        let names = try Self.names(in: folder)
        #expect(names.count > 10)
        let share = try ScratchFolder()
        let inputs = names.map { Self.bytes(of: "\(folder)/\($0)") }
        #expect(Set(inputs).count == inputs.count, "the fuzzer keeps none twice")
        for input in inputs { Scenario.run(input, in: share) }
    }

    private static func names(in path: String) throws -> [String] {
        let folder = try #require(opendir(path))
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    private static func bytes(of path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        // In a statement of its own: as an argument it would come after a copy of the empty bytes had been taken.
        let count = read(descriptor, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }
}
