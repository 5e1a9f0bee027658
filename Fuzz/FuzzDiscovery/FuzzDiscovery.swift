import Discovery
import FuzzDriver

@_cdecl("FuzzDiscovery_main")
public func main(_ count: CInt, _ arguments: Arguments) -> CInt {
    fuzz(count, arguments, seeds: seeds, run: fuzzDiscovery)
}

private let announcement = Announcement(
    name: "nas & <more>", workgroup: "WORKGROUP", identifier: [UInt8](0..<16), version: "1")

/// What a stranger sends, as a datagram and as a request: whatever answers is well-formed and not much longer than that
/// what a good question gets.
private func fuzzDiscovery(_ input: [UInt8]) {
    var host = DiscoveryHost(announcement, instance: 1, random: { [UInt8](repeating: 7, count: $0) })
    var other = host
    if let answer = host.answer(datagram: input, at: "192.0.2.1") {
        precondition(answer.count < 4096, "an answer's size")
        precondition(other.answer(datagram: answer, at: "192.0.2.1") == nil, "an answer is no question")
    }
    switch MetadataRequest(input) {
    case .complete(_, let body):
        if let answer = host.answer(metadataRequest: body) { precondition(answer.count < 4096, "metadata's size") }
    case .unfinished: precondition(input.count < 8200, "what is kept of an unfinished request")
    case .refused: break
    }
}

private func seeds() -> [String: [UInt8]] {
    let open = """
        <?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" \
        xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" \
        xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" \
        xmlns:p="http://schemas.xmlsoap.org/ws/2006/02/devprof">\
        <s:Header><a:MessageID>urn:uuid:1</a:MessageID><a:Action>
        """
    func message(_ action: String, _ body: String) -> [UInt8] {
        Array("\(open)\(action)</a:Action></s:Header><s:Body>\(body)</s:Body></s:Envelope>".utf8)
    }
    let get = message("http://schemas.xmlsoap.org/ws/2004/09/transfer/Get", "<!-- &#65;&amp; -->")
    let discovery = "http://schemas.xmlsoap.org/ws/2005/04/discovery/"
    let endpoint = "urn:uuid:\(announcement.uuid)"
    return [
        "probe": message(discovery + "Probe", "<d:Probe><d:Types>p:Device</d:Types><d:Scopes/></d:Probe>"),
        "resolve": message(
            discovery + "Resolve",
            "<d:Resolve><a:EndpointReference><a:Address>\(endpoint)</a:Address></a:EndpointReference></d:Resolve>"),
        "get": Array("POST /\(announcement.uuid) HTTP/1.1\r\nContent-Length: \(get.count)\r\n\r\n".utf8) + get,
    ]
}
