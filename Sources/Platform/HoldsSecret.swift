/// A value with a key or a hash in it: whoever prints it, in a message or while looking for a fault, prints its
/// `description` and none of what it holds. Enumerations, arrays and dumps around it show that as well.
public protocol HoldsSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {}

extension HoldsSecret {
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
