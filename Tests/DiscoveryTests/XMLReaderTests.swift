import Testing

@testable import Discovery

@Suite("XML: strict and small")
struct XMLReaderTests {
    private func read(_ text: String) throws -> XMLElement {
        try XMLReader.read(Array(text.utf8), limits: DiscoveryLimits())
    }

    @Test func namesAndTexts() throws {
        let root = try read(
            "<?xml version='1.0'?><!-- a -->"
                + "<a xmlns='urn:a' xmlns:b=\"urn:b\" c = 'd'> x&amp;&#x41;<b:e/> y <a xmlns=''/></a >\n")
        #expect(root.name == XMLElement.Name(namespace: "urn:a", local: "a"))
        #expect(root.text == "x&A y")
        #expect(root.children.map(\.name.namespace) == ["urn:b", ""])
    }

    @Test(
        "what is no document of ours",
        arguments: [
            "", "a", "<a>", "<a></b>", "<a><b></a></b>", "<a/><b/>", "<a b=c/>", "<a b='c'd='e'/>", "<p:a/>", "<a&b/>",
            "<a>&unknown;</a>", "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>&amp</a>", "<!DOCTYPE a><a/>", "<a><?b?></a>",
            "<a><![CDATA[b]]></a>", "<a b='<'/>", "<1/>", "<a:/>", "<a><!-- </a>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a", "<a b", "<a b='", "</a>", "<?xml version='1.0'",
        ])
    func refused(text: String) { #expect(throws: XMLError.self) { try read(text) } }

    @Test func bounds() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
        }
        _ = try read(nested(16))
        #expect(throws: XMLError.self) { try read(nested(17)) }
        let many = (0..<40).map { " xmlns:p\($0)='u'" }.joined()
        #expect(throws: XMLError.self) { try read("<a\(many)/>") }
        #expect(throws: XMLError.self) { try read("<a>" + String(repeating: "x", count: 4096) + "</a>") }
        #expect(throws: XMLError.self) { try XMLReader.read([0x3C, 0xFF, 0x2F, 0x3E], limits: DiscoveryLimits()) }
    }
}

@Suite("HTTP: requests for metadata")
struct MetadataRequestTests {
    private func request(_ text: String) -> MetadataRequest { MetadataRequest(Array(text.utf8)) }

    @Test func completeWithItsBody() {
        let bytes = Array("POST /x HTTP/1.1\r\nHost: a\r\nCONTENT-length: 3\r\n\r\nabc".utf8)
        #expect(MetadataRequest(bytes) == .complete(path: "/x", body: Array("abc".utf8)))
        for count in bytes.indices { #expect(MetadataRequest(Array(bytes[..<count])) == .unfinished) }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", "405"), ("POST / HTTP/1.1\r\n\r\n", "411"), ("nonsense\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", "413"),
        ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "411"),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "411"),
        (String(repeating: "x", count: 4096), "431"),
    ])
    func refused(text: String, status: String) {
        guard case .refused(let found) = request(text) else { Issue.record("\(request(text))"); return }
        #expect(found.hasPrefix(status))
    }
}
