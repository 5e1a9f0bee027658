import Testing

@testable import Discovery

@Suite("WS-Discovery: questions and answers")
struct DiscoveryHostTests {
    private static let announcement = Announcement(
        name: "nas & co", workgroup: "WORKGROUP", identifier: [UInt8](0..<16), version: "1")
    private var host = DiscoveryHost(Self.announcement, instance: 7, random: { [UInt8](repeating: 9, count: $0) })

    static func message(_ action: String, _ body: String, identifier: String = "urn:uuid:1") -> [UInt8] {
        let text = """
            <?xml version="1.0" encoding="utf-8"?>
            <s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
              xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
              xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
              xmlns:p="http://schemas.xmlsoap.org/ws/2006/02/devprof">
              <s:Header><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To><a:Action>\(action)</a:Action>
              <a:MessageID>\(identifier)</a:MessageID></s:Header><s:Body>\(body)</s:Body></s:Envelope>
            """
        return Array(text.utf8)
    }

    private mutating func answer(_ message: [UInt8], at address: String = "192.0.2.1") throws -> XMLElement? {
        guard let answer = host.answer(datagram: message, at: address) else { return nil }
        return try XMLReader.read(answer, limits: DiscoveryLimits())
    }

    private func find(_ path: [String], in element: XMLElement?) -> XMLElement? {
        path.reduce(element) { element, local in element?.children.first { $0.name.local == local } }
    }

    @Test mutating func aProbeForDevicesIsAnswered() throws {
        let answer = try answer(
            Self.message(
                Namespace.discovery + "/Probe", "<d:Probe><d:Types>p:Device</d:Types></d:Probe>",
                identifier: "a&lt;b"))
        #expect(find(["Header", "RelatesTo"], in: answer)?.text == "a<b")
        #expect(find(["Header", "Action"], in: answer)?.text == Namespace.discovery + "/ProbeMatches")
        let match = find(["Body", "ProbeMatches", "ProbeMatch"], in: answer)
        let uuid = "00010203-0405-8607-8809-0a0b0c0d0e0f"
        #expect(find(["EndpointReference", "Address"], in: match)?.text == "urn:uuid:" + uuid)
        #expect(find(["XAddrs"], in: match)?.text == "http://192.0.2.1:5357/" + uuid)
        #expect(find(["Types"], in: match)?.names.map(\.local) == ["Device", "Computer"])
    }

    @Test(
        "WS-Discovery 5.1: all types that are asked for, and no scope",
        arguments: [
            ("<d:Types>p:Device</d:Types>", true), ("", true), ("<d:Types/>", true), ("<d:Scopes/>", true),
            ("<d:Types>p:Printer</d:Types>", false), ("<d:Types>p:Device p:Printer</d:Types>", false),
            ("<d:Types>Device</d:Types>", false), ("<d:Types>unknown:Device</d:Types>", false),
            ("<d:Types xmlns:p=\"urn:other\">p:Device</d:Types>", false), ("<d:Scopes>ldap:///</d:Scopes>", false),
        ])
    mutating func whatMatches(content: String, isAnswered: Bool) throws {
        let answer = try answer(Self.message(Namespace.discovery + "/Probe", "<d:Probe>\(content)</d:Probe>"))
        #expect((answer != nil) == isAnswered)
    }

    @Test mutating func resolveIsAnsweredByWhoIsMeant() throws {
        func resolve(_ endpoint: String) -> [UInt8] {
            Self.message(
                Namespace.discovery + "/Resolve",
                "<d:Resolve><a:EndpointReference><a:Address>\(endpoint)</a:Address></a:EndpointReference></d:Resolve>")
        }
        let own = try answer(resolve("urn:uuid:" + Self.announcement.uuid), at: "fe80::1")
        #expect(
            find(["Body", "ResolveMatches", "ResolveMatch", "XAddrs"], in: own)?.text
                == "http://[fe80::1]:5357/" + Self.announcement.uuid)
        let other = try answer(resolve("urn:uuid:00000000-0000-0000-0000-000000000000"))
        #expect(other == nil)
    }

    @Test mutating func metadataNameTheComputer() throws {
        let get = Self.message(Namespace.transfer + "/Get", "")
        let found = host.answer(metadataRequest: get)
        let answer = try #require(found)
        let text = String(decoding: answer, as: UTF8.self)
        #expect(text.contains("<pub:Computer>nas &amp; co/Workgroup:WORKGROUP</pub:Computer>"))
        _ = try XMLReader.read(answer, limits: DiscoveryLimits())
        let other = host.answer(datagram: get, at: "192.0.2.1")
        #expect(other == nil)
    }

    @Test mutating func helloAndByeAreCounted() throws {
        let hello = try XMLReader.read(host.hello(from: "192.0.2.1"), limits: DiscoveryLimits())
        let bye = String(decoding: host.bye(), as: UTF8.self)
        #expect(find(["Body", "Hello", "MetadataVersion"], in: hello)?.text == "7")
        #expect(bye.contains(#"<wsd:AppSequence InstanceId="7" MessageNumber="2"/>"#))
    }

    @Test mutating func nothingElseIsAnswered() throws {
        let probe = Self.message(Namespace.discovery + "/Probe", "<d:Probe/>")
        for count in 0..<probe.count where host.answer(datagram: Array(probe[..<count]), at: "192.0.2.1") != nil {
            Issue.record("\(count) bytes of a probe were answered")
        }
        let long = Self.message(
            Namespace.discovery + "/Probe", "<d:Probe/>", identifier: String(repeating: "x", count: 257))
        for message in [long, Self.message(Namespace.discovery + "/Hello", "<d:Hello/>")] {
            let found = try answer(message)
            #expect(found == nil)
        }
    }

    @Test func theAvahiFileNamesPlacesForBackups() throws {
        let plain = AvahiService.file(port: 445, timeMachineShares: [])
        #expect(plain.contains("<type>_smb._tcp</type>\n    <port>445</port>") && !plain.contains("_adisk"))
        let backups = AvahiService.file(port: 4450, timeMachineShares: ["Time <1>"])
        #expect(backups.contains("<txt-record>dk0=adVN=Time &lt;1&gt;,adVF=0x82</txt-record>"))
    }
}
