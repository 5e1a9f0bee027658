import NTTypes

/// What another program on this machine does with a file that is guarded.
public enum LocalUse: Sendable {
    /// It opens the file, and waits until `resume` is called, which must happen once.
    case opens(resume: @Sendable () -> Void)
    /// It has written to the file, or cut it.
    case writes
}

/// A file whose use by other programs can be held up.
public protocol LocalOpens {
    /// Holds up whoever else opens the file, from now on.
    /// - Parameter receiver: called on a thread of its own.
    /// - Throws: `.notSupported` where that cannot be done.
    func guardUse(_ receiver: @escaping @Sendable (LocalUse) -> Void) throws(NTStatus) -> any LocalWatch
}

extension LocalOpens {
    public func guardUse(_ receiver: @escaping @Sendable (LocalUse) -> Void) throws(NTStatus) -> any LocalWatch {
        throw .notSupported
    }
}
