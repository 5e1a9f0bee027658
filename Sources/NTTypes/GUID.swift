/// A GUID, [MS-DTYP] 2.3.4, as its 16 bytes in wire order.
public struct GUID: Hashable, Sendable {
    public var low: UInt64
    public var high: UInt64
    @inlinable
    public init(low: UInt64, high: UInt64) { self.low = low; self.high = high }
    @inlinable public static var zero: GUID { GUID(low: 0, high: 0) }
}
