import SwiftASN1

/// The OBJECT IDENTIFIER of a mechanism, as its encoded content.
struct MechanismIdentifier: Hashable, Sendable {
    let content: [UInt8]

    /// 1.3.6.1.4.1.311.2.2.10
    static let ntlm = MechanismIdentifier(content: [0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A])
    /// 1.2.840.113554.1.2.2
    static let kerberos = MechanismIdentifier(content: [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02])
    /// 1.2.840.48018.1.2.2: the same with 16 bits lost
    static let kerberosOfWindows = MechanismIdentifier(
        content: [0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02])
    /// 1.3.6.1.5.5.2
    static let spnego = MechanismIdentifier(content: [0x2B, 0x06, 0x01, 0x05, 0x05, 0x02])
}

/// The tokens of RFC 4178 and [MS-SPNG] 2.2. Read as BER, which clients of all ages hold to; written as DER.
enum SPNEGO {
    /// The bytes are not the token that they should be.
    struct Malformed: Error {}

    /// More mechanisms than any client has.
    private static let mechanismCountMax = 32

    enum State: UInt8 {
        case acceptCompleted = 0
        case acceptIncomplete = 1
        case reject = 2
        case requestMIC = 3
    }

    /// NegTokenInit, RFC 4178 4.2.1.
    struct Initial: Equatable {
        /// In the sender's order of preference.
        var mechanisms: [MechanismIdentifier]
        /// MechTypeList as encoded: what mechListMIC is computed over.
        var mechanismList: [UInt8]
        /// For the first of the mechanisms.
        var token: [UInt8]?
        var mechanismListMIC: [UInt8]?

        init(mechanisms: [MechanismIdentifier], token: [UInt8]?) {
            self.mechanisms = mechanisms
            self.token = token
            mechanismList = SPNEGO.encodeMechanismList(mechanisms)
        }
    }

    /// NegTokenResp, RFC 4178 4.2.2.
    struct Response: Equatable {
        var state: State?
        var mechanism: MechanismIdentifier?
        var token: [UInt8]?
        var mechanismListMIC: [UInt8]?
    }

    // MARK: reading

    /// Whether the bytes begin as an initial token does: [APPLICATION 0].
    static func isInitial(_ bytes: [UInt8]) -> Bool { bytes.first == 0x60 }

    private static func tag(_ number: UInt) -> ASN1Identifier {
        ASN1Identifier(tagWithNumber: number, tagClass: .contextSpecific)
    }

    private static func parse(_ bytes: [UInt8]) throws(Malformed) -> ASN1Node {
        do { return try BER.parse(bytes) } catch { throw Malformed() }
    }

    private static func children(_ node: ASN1Node, _ identifier: ASN1Identifier) throws(Malformed) -> [ASN1Node] {
        guard node.identifier == identifier, case .constructed(let nodes) = node.content else { throw Malformed() }
        return Array(nodes)
    }

    private static func onlyChild(_ node: ASN1Node) throws(Malformed) -> ASN1Node {
        let nodes = try children(node, node.identifier)
        guard nodes.count == 1 else { throw Malformed() }
        return nodes[0]
    }

    private static func octets(_ node: ASN1Node) throws(Malformed) -> [UInt8] {
        do {
            return Array(try ASN1OctetString(berEncoded: node, withIdentifier: .octetString).bytes)
        } catch { throw Malformed() }
    }

    private static func primitive(_ node: ASN1Node, _ identifier: ASN1Identifier) throws(Malformed) -> [UInt8] {
        guard node.identifier == identifier, case .primitive(let bytes) = node.content else { throw Malformed() }
        return Array(bytes)
    }

    static func readInitial(_ bytes: [UInt8]) throws(Malformed) -> Initial {
        let application = ASN1Identifier(tagWithNumber: 0, tagClass: .application)
        let outer = try children(try parse(bytes), application)
        guard outer.count == 2, try primitive(outer[0], .objectIdentifier) == MechanismIdentifier.spnego.content,
            outer[1].identifier == tag(0)
        else { throw Malformed() }
        var initial = Initial(mechanisms: [], token: nil)
        for field in try children(try onlyChild(outer[1]), .sequence) {
            switch field.identifier {
            case tag(0):
                let list = try onlyChild(field)
                let mechanisms = try children(list, .sequence)
                guard mechanisms.count <= mechanismCountMax else { throw Malformed() }
                initial.mechanismList = Array(list.encodedBytes)
                initial.mechanisms = []
                for node in mechanisms {
                    initial.mechanisms.append(MechanismIdentifier(content: try primitive(node, .objectIdentifier)))
                }
            case tag(2): initial.token = try octets(try onlyChild(field))
            // A server's token has its hints here, [MS-SPNG] 2.2.1; a client's the signature.
            case tag(3):
                let value = try onlyChild(field)
                if value.identifier == .octetString { initial.mechanismListMIC = try octets(value) }
            default: break
            }
        }
        return initial
    }

    static func readResponse(_ bytes: [UInt8]) throws(Malformed) -> Response {
        let outer = try parse(bytes)
        guard outer.identifier == tag(1) else { throw Malformed() }
        var response = Response()
        for field in try children(try onlyChild(outer), .sequence) {
            let value = try onlyChild(field)
            switch field.identifier {
            case tag(0):
                let content = try primitive(value, .enumerated)
                guard content.count == 1, let state = State(rawValue: content[0]) else { throw Malformed() }
                response.state = state
            case tag(1): response.mechanism = MechanismIdentifier(content: try primitive(value, .objectIdentifier))
            case tag(2): response.token = try octets(value)
            case tag(3): response.mechanismListMIC = try octets(value)
            default: break
            }
        }
        return response
    }

    // MARK: writing

    private static func append(
        _ content: [UInt8], as identifier: ASN1Identifier, inside number: UInt, to coder: inout DER.Serializer
    ) {
        coder.appendConstructedNode(identifier: tag(number)) { coder in
            coder.appendPrimitiveNode(identifier: identifier) { $0.append(contentsOf: content) }
        }
    }

    private static func append(_ mechanisms: [MechanismIdentifier], to coder: inout DER.Serializer) {
        coder.appendConstructedNode(identifier: .sequence) { coder in
            for mechanism in mechanisms {
                coder.appendPrimitiveNode(identifier: .objectIdentifier) { $0.append(contentsOf: mechanism.content) }
            }
        }
    }

    private static func encodeMechanismList(_ mechanisms: [MechanismIdentifier]) -> [UInt8] {
        var coder = DER.Serializer()
        append(mechanisms, to: &coder)
        return coder.serializedBytes
    }

    /// - Parameter hasHints: a server's, with the hint that old clients expect and nobody reads, [MS-SPNG] 2.2.1.
    static func write(_ initial: Initial, hasHints: Bool = false) -> [UInt8] {
        var coder = DER.Serializer()
        coder.appendConstructedNode(identifier: ASN1Identifier(tagWithNumber: 0, tagClass: .application)) { coder in
            coder.appendPrimitiveNode(identifier: .objectIdentifier) {
                $0.append(contentsOf: MechanismIdentifier.spnego.content)
            }
            coder.appendConstructedNode(identifier: tag(0)) { coder in
                coder.appendConstructedNode(identifier: .sequence) { coder in
                    coder.appendConstructedNode(identifier: tag(0)) { append(initial.mechanisms, to: &$0) }
                    if let token = initial.token { append(token, as: .octetString, inside: 2, to: &coder) }
                    guard hasHints else { return }
                    coder.appendConstructedNode(identifier: tag(3)) { coder in
                        coder.appendConstructedNode(identifier: .sequence) { coder in
                            let hint = Array("not_defined_in_RFC4178@please_ignore".utf8)
                            append(hint, as: .generalString, inside: 0, to: &coder)
                        }
                    }
                }
            }
        }
        return coder.serializedBytes
    }

    static func write(_ response: Response) -> [UInt8] {
        var coder = DER.Serializer()
        coder.appendConstructedNode(identifier: tag(1)) { coder in
            coder.appendConstructedNode(identifier: .sequence) { coder in
                if let state = response.state { append([state.rawValue], as: .enumerated, inside: 0, to: &coder) }
                if let mechanism = response.mechanism {
                    append(mechanism.content, as: .objectIdentifier, inside: 1, to: &coder)
                }
                if let token = response.token { append(token, as: .octetString, inside: 2, to: &coder) }
                if let signature = response.mechanismListMIC {
                    append(signature, as: .octetString, inside: 3, to: &coder)
                }
            }
        }
        return coder.serializedBytes
    }
}
