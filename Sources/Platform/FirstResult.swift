extension Sequence {
    /// The first result of `body` that is not nil; no element is looked at twice, and none behind that one. (`first` of
    /// a lazy `compactMap` computes it once to find where it is, and once more to give it.)
    @inlinable public func firstResult<Result, Failure: Error>(
        _ body: (Element) throws(Failure) -> Result?
    ) throws(Failure) -> Result? {
        for element in self {
            if let result = try body(element) { return result }
        }
        return nil
    }
}
