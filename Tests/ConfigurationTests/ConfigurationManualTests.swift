import Configuration
import Foundation
import Testing

@Suite("The manual says what the parser knows") struct ConfigurationManualTests {
    private func text(_ path: String) throws -> String {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: repository.appending(path: path), encoding: .utf8)
    }

    @Test func theTableOfTheDocumentationIsTheParsersOwn() throws {
        #expect(
            try text("docs/configuration.md") == ConfigurationManual.markdown,
            "apus manual markdown >docs/configuration.md")
    }

    @Test func soIsTheManualPage() throws {
        #expect(try text("docs/man/apus.conf.5") == ConfigurationManual.page, "apus manual man >docs/man/apus.conf.5")
    }
}
