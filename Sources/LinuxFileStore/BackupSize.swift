import CLinux
import Glibc
import NTTypes
import Platform

/// How much of a folder Time Machine's bundles take, for `time machine max size`. NAME.sparsebundle keeps its bands,
/// all of the size that its Info.plist names, in a folder: counting them takes milliseconds, where adding up the sizes
/// of hundreds of thousands of files would take seconds.
final class BackupSize: Sendable {
    private let known = Mutex<(byteCount: UInt64, until: FileTime)>((0, FileTime(rawValue: 0)))

    /// Macs ask often.
    private static var lifetime: UInt64 { 5 * 10_000_000 }
    private static var bundleCountMax: Int { 256 }
    private static var propertyListByteCountMax: Int { 64 << 10 }

    /// What `store`'s bundles take, as of a few seconds ago at most.
    func byteCount(in store: LinuxFileStore) -> UInt64 {
        let now = FileTime.now
        let last = known.withLock { $0 }
        guard last.until <= now else { return last.byteCount }
        let byteCount = bundles(of: store).reduce(0 as UInt64) { sum, bundle in
            let bands = bandByteCount(of: bundle, in: store).multipliedOrMax(by: bandCount(of: bundle, in: store))
            return sum.addingReportingOverflow(bands).overflow ? .max : sum + bands
        }
        known.withLock { $0 = (byteCount, FileTime(rawValue: now.rawValue + Self.lifetime)) }
        return byteCount
    }

    private func bundles(of store: LinuxFileStore) -> [NTName] {
        guard var reader = folder([], in: store) else { return [] }
        var bundles: [NTName] = []
        while (try? reader.advance()) == true, bundles.count < Self.bundleCountMax {
            if reader.nameBytes.reversed().starts(with: ".sparsebundle".utf8.reversed()) { bundles.append(reader.name) }
        }
        return bundles
    }

    private func bandCount(of bundle: NTName, in store: LinuxFileStore) -> UInt64 {
        guard var reader = folder([bundle, NTName("bands")], in: store) else { return 0 }
        var count: UInt64 = 0
        while (try? reader.advance()) == true { if !reader.isDotEntry { count += 1 } }
        return count
    }

    /// 0 for a bundle that is only just being made.
    private func bandByteCount(of bundle: NTName, in store: LinuxFileStore) -> UInt64 {
        guard let file = open([bundle, NTName("Info.plist")], flags: O_RDONLY | O_NONBLOCK, in: store) else { return 0 }
        var bytes = [UInt8](repeating: 0, count: Self.propertyListByteCountMax)
        // SAFETY: the array lives through the call, which writes into it.
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe Linux.read(file.raw, into: $0, at: 0, mayBlock: true)
        }
        guard count > 0 else { return 0 }
        return Self.bandByteCount(inPropertyList: String(decoding: bytes[..<count], as: UTF8.self))
    }

    /// <key>band-size</key> and the <integer> after it.
    static func bandByteCount(inPropertyList text: String) -> UInt64 {
        func rest(of text: Substring, after word: String) -> Substring? {
            text.firstRange(of: word).map { text[$0.upperBound...] }
        }
        guard let key = rest(of: text[...], after: "<key>band-size</key>"),
            let value = rest(of: key, after: "<integer>")
        else { return 0 }
        return UInt64(value.prefix { $0.isNumber }) ?? 0
    }

    private func folder(_ path: [NTName], in store: LinuxFileStore) -> DirectoryReader? {
        guard let descriptor = open(path, flags: O_RDONLY | O_DIRECTORY, in: store) else { return nil }
        return DirectoryReader(descriptor)
    }

    /// Whosever it is: what others have in the share counts too.
    private func open(_ path: [NTName], flags: CInt, in store: LinuxFileStore) -> OwnedDescriptor? {
        guard let path = try? SystemPath(path) else { return nil }
        let result = store.identity.insisting {
            Linux.openBeneath(store.rootDescriptor, path, flags: flags, resolve: store.resolve)
        }
        return result >= 0 ? OwnedDescriptor(result) : nil
    }
}
