extension Sequence {
    /// The first result of `body` that is not nil; no element is looked at twice, and none behind that one. (`first` of
    /// a lazy `compactMap` computes it once to find where it is, and once more to give it.)
    @inlinable public func firstResult<Result>(_ body: (Element) -> Result?) -> Result? {
        for element in self {
            if let result = body(element) { return result }
        }
        return nil
    }
}
