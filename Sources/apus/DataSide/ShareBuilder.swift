import Configuration
import FileStore
import LinuxFileStore
import NTTypes
import SMBServer

/// Makes the engine's shares from the configured ones.
enum ShareBuilder {
    /// - Returns: the shares that can be served, IPC$ among them; those that cannot are logged, with the reason.
    /// - Parameters:
    ///   - domain: whose SIDs stand for users and groups beside S-1-22.
    ///   - opened: called after each.
    static func build(
        _ configuration: ServerConfiguration, domain: DomainIdentity, log: @escaping @Sendable (String) -> Void,
        opened: () -> Void = {}
    ) -> [Share] {
        let identifiers = IdentifierMapping(domain: domain.identifier)
        var shares = [Share(name: "IPC$", comment: "IPC", kind: .pipes)]
        for share in configuration.shares {
            do throws(LinuxFileStoreError) {
                let fixed = configuration.remoteShareFolder(of: share.path)
                shares.append(try build(share, fixedFolder: fixed, identifiers, log))
            } catch {
                log("[\(share.name)] is not served: \(error)")
            }
            opened()
        }
        return shares
    }

    private static func build(
        _ share: ShareConfiguration, fixedFolder: String?, _ identifiers: IdentifierMapping,
        _ log: @escaping @Sendable (String) -> Void
    ) throws(LinuxFileStoreError) -> Share {
        let veto = share.vetoFiles.map { NameExpression(NTName($0)) }
        let isVetoed: @Sendable (NTName) -> Bool = { name in veto.contains { $0.matches(name) } }
        let hidesDotFiles = share.hidesDotFiles
        let hidden = share.hideFiles.map { NameExpression(NTName($0)) }
        var options = LinuxFileStoreOptions()
        options.fixedFolder = fixedFolder
        options.isCaseSensitive = share.isCaseSensitive
        options.followsSymbolicLinks = share.followsSymbolicLinks
        options.crossesMounts = share.crossesMounts
        options.createMask = share.createMask
        options.directoryMask = share.directoryMask
        options.forceCreateMode = share.forceCreateMode
        options.forceDirectoryMode = share.forceDirectoryMode
        options.inheritsOwner = share.inheritsOwner
        options.identifiers = identifiers
        options.hidesUnreadable = share.hidesUnreadable
        options.keepsInheritanceFlags = !share.canonicalizesInheritedFlag
        options.keepsDOSAttributes = share.storesDOSAttributes
        options.isVetoed = isVetoed
        options.showsSymbolicLinks = share.showsSymbolicLinks && !share.followsSymbolicLinks
        options.hasStreams = share.hasStreams
        options.findsShortNames = share.shortNames != .none
        if share.takesBackups, share.backupByteCountMax > 0 {
            options.backupByteCountMax = UInt64(share.backupByteCountMax)
        }
        options.warn = { log("[\(share.name)] \($0)") }
        let store = try LinuxFileStore(root: share.path, options: options)
        let shortNames: Share.ShortNames =
            switch share.shortNames {
            case .none: .none
            case .onRequest: .onRequest
            case .listed: .listed
            }
        return Share(
            name: share.name, comment: share.comment, kind: .disk(store),
            requiresEncryption: share.encryption == .required, isCaseSensitive: share.isCaseSensitive,
            allowsPOSIX: share.allowsPOSIX, shortNames: shortNames, enumeratesByAccess: share.hidesUnreadable,
            reportsChanges: share.reportsChanges, followsLocalChanges: share.followsLocalChanges,
            showsLocksLocally: share.showsLocksLocally, guardsAgainstLocalUse: share.guardsAgainstLocalUse,
            allowsCaching: share.allowsCaching, allowsDurability: share.allowsDurability,
            takesBackups: share.takesBackups, hides: isVetoed,
            marksHidden: { name in
                (hidesDotFiles && name.utf8.first == UInt8(ascii: ".") && name.utf8 != [UInt8(ascii: ".")]
                    && name.utf8 != [UInt8(ascii: "."), UInt8(ascii: ".")])
                    || hidden.contains { $0.matches(name) }
            })
    }
}
