import CLinux
import FileStore
import Glibc
import NTTypes
import Platform

/// How a share's folder is served.
public struct LinuxFileStoreOptions: Sendable {
    /// `case sensitive`: names match exactly.
    public var isCaseSensitive = false
    /// `follow symlinks`: links that stay inside the share are followed. Others never are.
    public var followsSymbolicLinks = false
    /// `show symlinks`: links are shown as links to all clients, who are told where they lead. POSIX opens always see
    /// them.
    public var showsSymbolicLinks = false
    /// `crossmnt`: file systems mounted below the root are part of the share.
    public var crossesMounts = true
    /// `create mask`, `directory mask`: the permission bits that a new file or folder may have.
    public var createMask: UInt32 = 0o744
    public var directoryMask: UInt32 = 0o755
    /// `force create mode`, `force directory mode`: bits that it has in any case.
    public var forceCreateMode: UInt32 = 0
    public var forceDirectoryMode: UInt32 = 0
    /// `inherit owner`: what is new belongs to the owner of its folder.
    public var inheritsOwner = false
    /// A folder that the root is beneath, or is itself: no link on the way from there to the root is followed.
    public var fixedFolder: String?
    /// `streams`: files have named streams.
    public var hasStreams = true
    /// `mangled names`: a file is found by its 8.3 name too.
    public var findsShortNames = false
    /// `store dos attributes`.
    public var keepsDOSAttributes = true
    /// `veto files`: these names cannot be seen, opened or made.
    public var isVetoed: @Sendable (NTName) -> Bool = { _ in false }
    /// Which SIDs mean which users and groups.
    public var identifiers = IdentifierMapping()
    /// `acl flag inherited canonicalization = no`: clients say "inherited by itself" of a list as they like.
    public var keepsInheritanceFlags = false
    /// `hide unreadable`: a folder's list leaves out what the user may not read.
    public var hidesUnreadable = false
    /// `time machine max size`: the volume is this large at most, and what bundles of Time Machine take of it is not
    /// free. nil for no bound.
    public var backupByteCountMax: UInt64?
    /// Act as the user of each operation. Needs root; otherwise everything runs as the user who started the server.
    public var switchesIdentity = geteuid() == 0
    /// Told once about each thing that the file system cannot keep.
    public var warn: @Sendable (String) -> Void = { _ in }
    public init() {}
}

/// Why a share's folder cannot be served.
public enum LinuxFileStoreError: Error, Equatable, CustomStringConvertible {
    /// The kernel has no openat2 (older than 5.6), or something forbids it; without it no path is safe.
    case openat2Missing
    case rootUnusable(path: String, NTStatus)
    case rootNotAFolder(path: String)

    public var description: String {
        switch self {
        case .openat2Missing:
            "The kernel does not offer openat2 (Linux 5.6 or later is needed, and a sandbox must allow it): no "
                + "files are served, since paths could not be kept inside the share."
        case .rootUnusable(let path, let status):
            "The folder \(path) cannot be opened (status 0x\(String(status.rawValue, radix: 16)))."
        case .rootNotAFolder(let path): "\(path) is not a folder."
        }
    }
}

/// A folder of Linux as the file system behind a share.
///
/// All names are resolved by the kernel beneath the root's descriptor, which is opened once.
public final class LinuxFileStore: FileStore {
    let options: LinuxFileStoreOptions
    let identity: ThreadIdentity
    /// The process is root, whomever it acts as.
    let isRoot = geteuid() == 0
    let rootDescriptor: CInt
    let resolve: Int
    var foldedNames: FoldedNameIndex { .shared }
    let announcedAllocations = AnnouncedAllocations()
    let streamLock = Mutex(())
    let claims = NameClaims.shared
    let tunnel = TunnelCache()
    private let backups = BackupSize()
    private let hasWarned = Atomic<Bool>(false)
    public let capabilities: FileStoreCapabilities
    /// What the process keeps from every new file, although `createMask` and its like are to decide.
    let processMask = UInt32(apus_umask())

    /// - Parameter root: the share's folder; links on the way to it are followed, but below `fixedFolder`.
    public init(root: String, options: LinuxFileStoreOptions = .init()) throws(LinuxFileStoreError) {
        apus_declare_identity()
        let opened = Self.openFolder(root, beneath: options.fixedFolder)
        if opened.failed(ENOTDIR) { throw .rootNotAFolder(path: root) }
        guard opened >= 0 else { throw .rootUnusable(path: root, NTStatus(result: opened)) }
        let descriptor = OwnedDescriptor(opened)
        var resolve = Int(APUS_RESOLVE_BENEATH | APUS_RESOLVE_NO_MAGICLINKS)
        if !options.followsSymbolicLinks { resolve |= Int(APUS_RESOLVE_NO_SYMLINKS) }
        if !options.crossesMounts { resolve |= Int(APUS_RESOLVE_NO_CROSSING) }
        let probe = Linux.openBeneath(descriptor.raw, .here, flags: CInt(APUS_O_PATH), resolve: resolve)
        guard probe >= 0 else {
            throw probe.failed(ENOSYS) || probe.failed(EPERM)
                ? .openat2Missing : .rootUnusable(path: root, NTStatus(result: probe))
        }
        Linux.close(CInt(probe))
        self.resolve = resolve
        self.options = options
        identity = ThreadIdentity(switches: options.switchesIdentity)
        capabilities = Self.probeCapabilities(descriptor.raw, options)
        rootDescriptor = descriptor.take()
    }

    deinit { Linux.close(rootDescriptor) }

    /// Whether a path is a folder that is reached from `folder`, which it begins with, without any link.
    public static func isFolder(_ path: String, beneath folder: String) -> Bool {
        apus_declare_identity()
        let opened = openFolder(path, beneath: folder)
        guard opened >= 0 else { return false }
        Linux.close(CInt(opened))
        return true
    }

    private static func openFolder(_ path: String, beneath folder: String?) -> Int {
        let flags = CInt(APUS_O_PATH) | O_DIRECTORY | O_CLOEXEC
        var start = Array((folder ?? path).utf8)
        start.append(0)
        // SAFETY: terminated; lives through the call.
        let opened = unsafe start.withUnsafeBytes {
            unsafe apus_openat(AT_FDCWD, $0.baseAddress!.assumingMemoryBound(to: CChar.self), flags, 0)
        }
        guard let folder, opened >= 0 else { return opened }
        let descriptor = OwnedDescriptor(opened)
        let rest = path.split(separator: "/").dropFirst(folder.split(separator: "/").count)
        guard let below = try? SystemPath(rest.map { NTName(String($0)) }) else { return -Int(ENOENT) }
        let resolve = APUS_RESOLVE_BENEATH | APUS_RESOLVE_NO_MAGICLINKS | APUS_RESOLVE_NO_SYMLINKS
        return Linux.openBeneath(descriptor.raw, below, flags: flags, resolve: Int(resolve))
    }

    /// A file system that knows user attributes answers "no such attribute", or lists none; others say unsupported.
    private static func probeCapabilities(_ root: CInt, _ options: LinuxFileStoreOptions) -> FileStoreCapabilities {
        var capabilities: FileStoreCapabilities = [.sparseFiles, .trim]
        capabilities.formUnion(spaceCapabilities(root))
        // SAFETY: an empty buffer asks for the size.
        let result = unsafe Linux.attribute(
            root, isPathOnly: true, DOSAttributes.attributeName, into: .init(start: nil, count: 0))
        if result >= 0 || result.failed(ENODATA) || result.failed(ERANGE) || result.failed(EACCES) {
            capabilities.insert(.extendedAttributes)
            if options.hasStreams { capabilities.insert(.namedStreams) }
            capabilities.insert(.reparsePoints)
            if options.keepsDOSAttributes { capabilities.insert(.dosAttributes) }
        }
        return capabilities
    }

    /// The file system keeps no user attributes: said once, then silently done without.
    func warnOfMissingAttributes() {
        guard !hasWarned.exchange(true, ordering: .relaxed) else { return }
        options.warn(
            "The file system keeps no extended attributes (user.*): DOS attributes, creation times and named streams "
                + "are not kept.")
    }

    // MARK: volume

    public func volumeInformation(as user: Credentials) throws(NTStatus) -> VolumeInformation {
        try identity.act(as: user)
        return try volumeInformation(of: rootDescriptor)
    }

    func volumeInformation(of descriptor: CInt) throws(NTStatus) -> VolumeInformation {
        var volume = statvfs()
        try Linux.volume(descriptor, into: &volume).orThrow()
        var information = VolumeInformation()
        let unit = max(1, UInt64(volume.f_frsize))
        information.blockByteCount = UInt32(clamping: unit)
        information.totalByteCount = UInt64(volume.f_blocks).multipliedOrMax(by: unit)
        information.availableByteCount = UInt64(volume.f_bavail).multipliedOrMax(by: unit)
        information.freeByteCount = UInt64(volume.f_bfree).multipliedOrMax(by: unit)
        information.nameByteCountMax = UInt32(clamping: volume.f_namemax)
        information.totalFileCount = UInt64(volume.f_files)
        information.freeFileCount = UInt64(volume.f_ffree)
        information.isReadOnly = volume.f_flag & UInt(ST_RDONLY) != 0
        let identifier = UInt64(volume.f_fsid)
        information.serialNumber = UInt32(truncatingIfNeeded: identifier ^ identifier >> 32)
        var status = apus_statx()
        if Linux.status(rootDescriptor, into: &status) >= 0 {
            information.creationTime = FileTime(status.bestBirthTime)
        }
        if let most = options.backupByteCountMax {
            let left = most - min(most, backups.byteCount(in: self))
            information.totalByteCount = min(information.totalByteCount, most)
            information.availableByteCount = min(information.availableByteCount, left)
            information.freeByteCount = min(information.freeByteCount, left)
        }
        return information
    }
}

extension UInt64 {
    /// The product, or the largest number if it does not fit.
    func multipliedOrMax(by other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }

    /// The next multiple of `unit`, or the largest below 2^64.
    func roundedUp(toMultipleOf unit: UInt64) -> UInt64 {
        let remainder = self % unit
        guard remainder != 0 else { return self }
        let (sum, overflow) = addingReportingOverflow(unit - remainder)
        return overflow ? self - remainder : sum
    }
}
