/// A pattern for the names in a folder, [MS-FSA] 2.1.4.4. Besides `*` and `?` it knows the three characters into which
/// clients translate what patterns meant in DOS:
/// - `<` (DOS_STAR) takes any characters, but not the last period of the name;
/// - `>` (DOS_QM) takes one character, or none before a period and at the end;
/// - `"` (DOS_DOT) takes a period, or nothing at the end.
public struct NameExpression: Hashable, Sendable {
    private enum Kind: Hashable { case everything, literal, wildcards }

    /// As it came, for those who ask again with the same.
    public let name: NTName
    public let isCaseSensitive: Bool
    private let kind: Kind
    /// The characters, in capitals unless case counts.
    private let elements: [UInt32]

    private static let star = UInt32(UInt8(ascii: "*"))
    private static let questionMark = UInt32(UInt8(ascii: "?"))
    private static let dosStar = UInt32(UInt8(ascii: "<"))
    private static let dosQuestionMark = UInt32(UInt8(ascii: ">"))
    private static let dosDot = UInt32(UInt8(ascii: "\""))
    private static let period = UInt32(UInt8(ascii: "."))

    /// - Parameter name: may be anything; an empty pattern matches only an empty name, which no file has.
    public init(_ name: NTName, isCaseSensitive: Bool = false) {
        self.name = name
        self.isCaseSensitive = isCaseSensitive
        var elements: [UInt32] = []
        let bytes = name.utf8.span
        var offset = 0
        while offset < bytes.count {
            let (scalar, byteCount) = NTName.decode(bytes, at: offset)
            offset += byteCount
            // "**" says no more than "*", and costs more.
            if scalar == Self.star, elements.last == Self.star { continue }
            elements.append(isCaseSensitive ? scalar : NTName.upcased(scalar))
        }
        self.elements = elements
        let wildcards = [Self.star, Self.questionMark, Self.dosStar, Self.dosQuestionMark, Self.dosDot]
        kind =
            elements == [Self.star]
            ? .everything : elements.contains(where: wildcards.contains) ? .wildcards : .literal
    }

    /// Contains one of the five characters, so more than one name may match.
    public var hasWildcards: Bool { kind != .literal }
    /// "*".
    public var matchesEverything: Bool { kind == .everything }

    public func matches(_ candidate: NTName) -> Bool {
        switch kind {
        case .everything: true
        case .literal: equals(candidate.utf8.span)
        case .wildcards:
            elements.count < UInt64.bitWidth
                ? matches(candidate.utf8.span, UInt64(1)) : matches(candidate.utf8.span, WideSet(elements.count + 1))
        }
    }

    private func equals(_ candidate: Span<UInt8>) -> Bool {
        var offset = 0
        for element in elements {
            guard offset < candidate.count else { return false }
            let (scalar, byteCount) = NTName.decode(candidate, at: offset)
            guard element == (isCaseSensitive ? scalar : NTName.upcased(scalar)) else { return false }
            offset += byteCount
        }
        return offset == candidate.count
    }

    /// Follows all readings of the pattern at once: the set holds the places in it that may come next. Linear in the
    /// name's length whatever the pattern.
    /// - Parameter start: holds 0 only.
    private func matches<Places: PlaceSet>(_ candidate: Span<UInt8>, _ start: Places) -> Bool {
        var lastPeriod = candidate.count - 1
        while lastPeriod >= 0, candidate[lastPeriod] != UInt8(ascii: ".") { lastPeriod -= 1 }
        var places = start
        var offset = 0
        while offset < candidate.count {
            let (scalar, byteCount) = NTName.decode(candidate, at: offset)
            let character = isCaseSensitive ? scalar : NTName.upcased(scalar)
            var following = start.emptied
            for place in elements.indices where places.contains(place) {
                switch elements[place] {
                case Self.star:
                    places.insert(place + 1)
                    following.insert(place)
                case Self.dosStar:
                    places.insert(place + 1)
                    if offset != lastPeriod { following.insert(place) }
                case Self.dosQuestionMark:
                    if character == Self.period { places.insert(place + 1) } else { following.insert(place + 1) }
                case Self.dosDot:
                    if character == Self.period { following.insert(place + 1) }
                case Self.questionMark:
                    following.insert(place + 1)
                case let element:
                    if element == character { following.insert(place + 1) }
                }
            }
            guard !following.isEmpty else { return false }
            places = following
            offset += byteCount
        }
        for place in elements.indices where places.contains(place) {
            switch elements[place] {
            case Self.star, Self.dosStar, Self.dosQuestionMark, Self.dosDot: places.insert(place + 1)
            default: break
            }
        }
        return places.contains(elements.count)
    }
}

/// Places in a pattern. Almost every pattern fits a machine word.
private protocol PlaceSet {
    var isEmpty: Bool { get }
    var emptied: Self { get }
    func contains(_ place: Int) -> Bool
    mutating func insert(_ place: Int)
}

extension UInt64: PlaceSet {
    fileprivate var isEmpty: Bool { self == 0 }
    fileprivate var emptied: UInt64 { 0 }
    fileprivate func contains(_ place: Int) -> Bool { self >> UInt64(place) & 1 == 1 }
    fileprivate mutating func insert(_ place: Int) { self |= 1 << UInt64(place) }
}

private struct WideSet: PlaceSet {
    private var words: [UInt64]
    /// Holds 0 only.
    init(_ count: Int) {
        words = Array(repeating: 0, count: (count + 63) / 64)
        words[0] = 1
    }
    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
    var emptied: WideSet {
        var set = self
        for index in words.indices { set.words[index] = 0 }
        return set
    }
    func contains(_ place: Int) -> Bool { words[place / 64] >> UInt64(place % 64) & 1 == 1 }
    mutating func insert(_ place: Int) { words[place / 64] |= 1 << UInt64(place % 64) }
}
