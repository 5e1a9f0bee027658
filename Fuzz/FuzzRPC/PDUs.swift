import DCERPC

/// PDUs of a good client, C706 chapter 12.
enum PDUs {
    // swift-format-ignore
    private static let ndr: [UInt8] = [
        0x04, 0x5D, 0x88, 0x8A, 0xEB, 0x1C, 0xC9, 0x11, 0x9F, 0xE8, 0x08, 0x00, 0x2B, 0x10, 0x48, 0x60, 2, 0, 0, 0,
    ]
    // swift-format-ignore
    private static let ndr64: [UInt8] = [
        0x33, 0x05, 0x71, 0x71, 0xBA, 0xBE, 0x37, 0x49, 0x83, 0x19, 0xB5, 0xDB, 0xEF, 0x9C, 0xCC, 0x36, 1, 0, 0, 0,
    ]
    /// [MS-DSSP], the second interface of the pipe lsarpc.
    // swift-format-ignore
    private static let domainRoles: [UInt8] = [
        0x6A, 0x28, 0x19, 0x39, 0x0C, 0xB1, 0xD0, 0x11, 0x9B, 0xA8, 0x00, 0xC0, 0x4F, 0xD9, 0x2E, 0xF5, 0, 0, 0, 0,
    ]
    // swift-format-ignore
    private static func interface(_ name: PipeName) -> [UInt8] {
        switch name {
        case .srvsvc:
            [0xC8, 0x4F, 0x32, 0x4B, 0x70, 0x16, 0xD3, 0x01, 0x12, 0x78, 0x5A, 0x47, 0xBF, 0x6E, 0xE1, 0x88, 3, 0, 0, 0]
        case .wkssvc:
            [0x98, 0xD0, 0xFF, 0x6B, 0x12, 0xA1, 0x10, 0x36, 0x98, 0x33, 0x46, 0xC3, 0xF8, 0x7E, 0x34, 0x5A, 1, 0, 0, 0]
        case .samr:
            [0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xCD, 0xAB, 0xEF, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAC, 1, 0, 0, 0]
        case .lsarpc:
            [0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xCD, 0xAB, 0xEF, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0, 0, 0, 0]
        }
    }

    private static func fragment(
        _ type: UInt8, flags: UInt8 = 3, isBigEndian: Bool = false, _ body: [UInt8]
    ) -> [UInt8] {
        [5, 0, type, flags, isBigEndian ? 0 : 0x10, 0, 0, 0] + number(UInt16(16 + body.count), isBigEndian)
            + [0, 0] + number(UInt32(1), isBigEndian) + body
    }

    private static func number<Value: FixedWidthInteger>(_ value: Value, _ isBigEndian: Bool = false) -> [UInt8] {
        let bytes = stride(from: 0, to: Value.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> Value($0)) }
        return isBigEndian ? bytes.reversed() : bytes
    }

    /// The pipe's interface as context 0, [MS-DSSP] as context 1.
    static func bind(_ name: PipeName, isNDR64: Bool) -> [UInt8] {
        var body: [UInt8] = [0xD0, 0x16, 0xD0, 0x16, 0, 0, 0, 0, 2, 0, 0, 0]
        for (context, interface) in [interface(name), domainRoles].enumerated() {
            body += [UInt8(context), 0, 1, 0] + interface + (isNDR64 ? ndr64 : ndr)
        }
        return fragment(11, body)
    }

    /// - Parameter stub: of at most 60,000 bytes.
    static func request(
        _ operation: UInt8, context: UInt8, _ stub: [UInt8], fragmentCount: Int, isBigEndian: Bool
    ) -> [UInt8] {
        let size = max(1, (stub.count + fragmentCount - 1) / fragmentCount)
        var message: [UInt8] = []
        for index in 0..<fragmentCount {
            let part = Array(stub.dropFirst(index * size).prefix(size))
            let flags: UInt8 = (index == 0 ? 1 : 0) | (index == fragmentCount - 1 ? 2 : 0)
            let body =
                number(UInt32(stub.count), isBigEndian) + number(UInt16(context), isBigEndian)
                + number(UInt16(operation), isBigEndian) + part
            message += fragment(0, flags: flags, isBigEndian: isBigEndian, body)
        }
        return message
    }
}
