/// A target service of WS-Discovery (April 2005) that is a computer, as Windows's Network folder looks for it: the
/// Devices Profile for Web Services (February 2006), and the property pub:Computer of [MS-PBSD] for what stands in it.
///
/// It takes and gives whole messages; who sends and receives them is another's business.
public struct DiscoveryHost: Sendable {
    public let announcement: Announcement
    private let limits: DiscoveryLimits
    /// Grows from start to start, WS-Discovery 7 (AppSequence); metadata may be others then, too.
    private let instance: UInt32
    private let random: @Sendable (_ count: Int) -> [UInt8]
    private var messageNumber = 0

    /// - Parameters:
    ///   - instance: more than at any start before: the time in seconds.
    ///   - random: gives so many random bytes.
    public init(
        _ announcement: Announcement, instance: UInt32, limits: DiscoveryLimits = DiscoveryLimits(),
        random: @escaping @Sendable (_ count: Int) -> [UInt8]
    ) {
        self.announcement = announcement
        self.instance = instance
        self.limits = limits
        self.random = random
    }

    /// Where metadata is fetched from a server with this numeric address, IPv6 in brackets.
    private func location(_ address: String) -> String {
        let host = address.contains(":") ? "[\(address)]" : address
        return "http://\(host):\(Self.metadataPort)/\(announcement.uuid)"
    }

    public static let discoveryPort: UInt16 = 3702
    /// [MS-PBSD], "Transport": what Windows's firewall lets through.
    public static let metadataPort: UInt16 = 5357

    // MARK: what is said unasked

    /// For everybody on the link, when the server comes up.
    public mutating func hello(from address: String) -> [UInt8] {
        message(
            to: Self.everybody, action: Namespace.discovery + "/Hello", relatesTo: nil,
            body: "<wsd:Hello>\(endpoint)\(types)\(addresses(address))\(version)</wsd:Hello>")
    }

    /// For everybody on the link, when the server goes.
    public mutating func bye() -> [UInt8] {
        message(
            to: Self.everybody, action: Namespace.discovery + "/Bye", relatesTo: nil,
            body: "<wsd:Bye>\(endpoint)</wsd:Bye>")
    }

    // MARK: what is asked

    /// The answer to a datagram: who is there (Probe), or where is this one (Resolve).
    /// - Parameter address: numeric, of the server on the link where the question came.
    /// - Returns: nil for what is another's business or malformed: on a shared medium nobody is told of mistakes.
    public mutating func answer(datagram: [UInt8], at address: String) -> [UInt8]? {
        guard let question = Question(datagram, limits: limits) else { return nil }
        let match = "\(endpoint)\(types)\(addresses(address))\(version)"
        switch question.action {
        case Namespace.discovery + "/Probe":
            guard question.isAnsweredBy(types: Self.typeNames) else { return nil }
            return message(
                to: Self.whoAsked, action: Namespace.discovery + "/ProbeMatches", relatesTo: question.identifier,
                body: "<wsd:ProbeMatches><wsd:ProbeMatch>\(match)</wsd:ProbeMatch></wsd:ProbeMatches>")
        case Namespace.discovery + "/Resolve":
            guard question.endpoint?.lowercased() == "urn:uuid:" + announcement.uuid else { return nil }
            return message(
                to: Self.whoAsked, action: Namespace.discovery + "/ResolveMatches", relatesTo: question.identifier,
                body: "<wsd:ResolveMatches><wsd:ResolveMatch>\(match)</wsd:ResolveMatch></wsd:ResolveMatches>")
        default: return nil
        }
    }

    /// The answer to a request for metadata, WS-Transfer's Get.
    /// - Returns: nil for anything else.
    public mutating func answer(metadataRequest: [UInt8]) -> [UInt8]? {
        guard let question = Question(metadataRequest, limits: limits), question.action == Namespace.transfer + "/Get"
        else { return nil }
        return message(
            to: Self.whoAsked, action: Namespace.transfer + "/GetResponse", relatesTo: question.identifier,
            body: metadata)
    }

    // MARK: parts of messages

    private static let everybody = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
    private static let whoAsked = Namespace.addressing + "/role/anonymous"
    private static let typeNames = [
        XMLElement.Name(namespace: Namespace.profile, local: "Device"),
        XMLElement.Name(namespace: Namespace.publication, local: "Computer"),
    ]

    private var endpoint: String {
        "<wsa:EndpointReference><wsa:Address>urn:uuid:\(announcement.uuid)</wsa:Address></wsa:EndpointReference>"
    }
    private var types: String { "<wsd:Types>wsdp:Device pub:Computer</wsd:Types>" }
    private var version: String { "<wsd:MetadataVersion>\(instance)</wsd:MetadataVersion>" }
    private func addresses(_ address: String) -> String { "<wsd:XAddrs>\(location(address))</wsd:XAddrs>" }

    private var metadata: String {
        let name = announcement.name.escapedForXML
        func section(_ dialect: String, _ content: String) -> String {
            #"<wsx:MetadataSection Dialect="\#(Namespace.profile)/\#(dialect)">\#(content)</wsx:MetadataSection>"#
        }
        let device = """
            <wsdp:ThisDevice><wsdp:FriendlyName>\(name)</wsdp:FriendlyName>\
            <wsdp:FirmwareVersion>\(announcement.version.escapedForXML)</wsdp:FirmwareVersion>\
            <wsdp:SerialNumber>1</wsdp:SerialNumber></wsdp:ThisDevice>
            """
        let model = """
            <wsdp:ThisModel><wsdp:Manufacturer>Apus</wsdp:Manufacturer><wsdp:ModelName>Apus</wsdp:ModelName>\
            <pnpx:DeviceCategory>Computers</pnpx:DeviceCategory></wsdp:ThisModel>
            """
        let host = """
            <wsdp:Relationship Type="\(Namespace.profile)/host"><wsdp:Host>\(endpoint)\
            <wsdp:Types>pub:Computer</wsdp:Types>\
            <wsdp:ServiceId>urn:uuid:\(announcement.uuid)</wsdp:ServiceId>\
            <pub:Computer>\(name)/Workgroup:\(announcement.workgroup.escapedForXML)</pub:Computer>\
            </wsdp:Host></wsdp:Relationship>
            """
        return "<wsx:Metadata>" + section("ThisDevice", device) + section("ThisModel", model)
            + section("Relationship", host) + "</wsx:Metadata>"
    }

    private mutating func message(to: String, action: String, relatesTo: String?, body: String) -> [UInt8] {
        messageNumber += 1
        // Metadata are fetched over a connection, where nothing overtakes anything.
        let sequence =
            action.hasPrefix(Namespace.discovery)
            ? #"<wsd:AppSequence InstanceId="\#(instance)" MessageNumber="\#(messageNumber)"/>"# : ""
        let relation = relatesTo.map { "<wsa:RelatesTo>\($0.escapedForXML)</wsa:RelatesTo>" } ?? ""
        let text = """
            <?xml version="1.0" encoding="utf-8"?>\
            <soap:Envelope\(Namespace.declarations)><soap:Header><wsa:To>\(to)</wsa:To>\
            <wsa:Action>\(action)</wsa:Action>\
            <wsa:MessageID>urn:uuid:\(Announcement.uuid(random(16)))</wsa:MessageID>\(relation)\
            \(sequence)</soap:Header>\
            <soap:Body>\(body)</soap:Body></soap:Envelope>
            """
        return Array(text.utf8)
    }
}

/// A message of somebody else, as far as it matters.
struct Question {
    let action: String
    let identifier: String
    /// Of a Probe: what it looks for. nil: anything.
    private(set) var types: [XMLElement.Name]?
    /// Of a Probe: whether it names scopes.
    private(set) var hasScopes = false
    /// Of a Resolve: whom it looks for.
    private(set) var endpoint: String?

    /// - Returns: nil for what is no such message.
    init?(_ bytes: [UInt8], limits: DiscoveryLimits) {
        guard let envelope = try? XMLReader.read(bytes, limits: limits),
            envelope.name == XMLElement.Name(namespace: Namespace.soap, local: "Envelope"),
            let header = envelope.child(XMLElement.Name(namespace: Namespace.soap, local: "Header")),
            let body = envelope.child(XMLElement.Name(namespace: Namespace.soap, local: "Body")),
            let action = header.child(XMLElement.Name(namespace: Namespace.addressing, local: "Action"))?.text,
            let identifier = header.child(XMLElement.Name(namespace: Namespace.addressing, local: "MessageID"))?.text,
            identifier.utf8.count <= limits.identifierByteCountMax
        else { return nil }
        self.action = action
        self.identifier = identifier
        func discovery(_ local: String) -> XMLElement.Name {
            XMLElement.Name(namespace: Namespace.discovery, local: local)
        }
        if let probe = body.child(discovery("Probe")) {
            if let wanted = probe.child(discovery("Types")), !wanted.text.isEmpty {
                // A name that cannot be resolved is one that nobody has.
                let count = wanted.text.split(whereSeparator: \.isWhitespace).count
                types = wanted.names.count == count ? wanted.names : [XMLElement.Name(namespace: "", local: "")]
            }
            hasScopes = probe.child(discovery("Scopes"))?.text.isEmpty == false
        }
        endpoint =
            body.child(discovery("Resolve"))?
            .child(XMLElement.Name(namespace: Namespace.addressing, local: "EndpointReference"))?
            .child(XMLElement.Name(namespace: Namespace.addressing, local: "Address"))?.text
    }

    /// Whether a service of these types, in no scope, is what a Probe looks for: WS-Discovery 5.1.
    func isAnsweredBy(types own: [XMLElement.Name]) -> Bool {
        !hasScopes && (types ?? []).allSatisfy(own.contains)
    }
}

enum Namespace {
    static let soap = "http://www.w3.org/2003/05/soap-envelope"
    static let addressing = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
    static let discovery = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
    static let transfer = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
    static let exchange = "http://schemas.xmlsoap.org/ws/2004/09/mex"
    static let profile = "http://schemas.xmlsoap.org/ws/2006/02/devprof"
    static let plugAndPlay = "http://schemas.microsoft.com/windows/pnpx/2005/10"
    static let publication = "http://schemas.microsoft.com/windows/pub/2005/07"

    /// The prefixes that our messages use. Some readers look for `pub:Computer` by these letters.
    static let declarations = [
        ("soap", soap), ("wsa", addressing), ("wsd", discovery), ("wsx", exchange), ("wsdp", profile),
        ("pnpx", plugAndPlay), ("pub", publication),
    ].map { #" xmlns:\#($0)="\#($1)""# }.joined()
}
