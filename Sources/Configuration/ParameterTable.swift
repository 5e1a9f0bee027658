extension Parameter {
    private static let dialects = ["smb2", "smb2_02", "smb2_10", "smb2_1", "smb3", "smb3_00", "smb3_02", "smb3_11"]
    private static let requirement = [
        "auto", "disabled", "mandatory", "default", "off", "desired", "required", "if_required",
    ]

    /// Every parameter that is known, in the order of the manual.
    public static let all: [Parameter] = global + share

    static let global: [Parameter] = [
        Parameter("workgroup", .global, .text, "WORKGROUP", "the workgroup or domain that clients see"),
        Parameter("netbios name", .global, .text, "APUS", "the server's short name"),
        Parameter("server string", .global, .text, "SMB SERVER", "what the server says of itself"),
        Parameter("tcp port", .global, .number(1...65535), "445", "where clients connect", takesRestart: true),
        Parameter(
            "smb ports", .global, .numbers(1...65535), "",
            "several ports instead of `tcp port`; old clients know 139 besides 445", takesRestart: true),
        Parameter(
            "interfaces", .global, .list, "",
            "interfaces (eth0, en*), addresses or networks (10.0.0.0/8) to listen on, with `bind interfaces only`",
            takesRestart: true),
        Parameter(
            "bind interfaces only", .global, .boolean, "no", "listen on `interfaces` and nowhere else",
            takesRestart: true),
        Parameter(
            "server min protocol", .global, .choice(dialects), "SMB2_10", "oldest dialect offered",
            aliases: ["min protocol"], takesRestart: true),
        Parameter(
            "server max protocol", .global, .choice(dialects), "SMB3_11", "newest dialect offered",
            aliases: ["max protocol", "protocol"], takesRestart: true),
        Parameter(
            "server signing", .global, .choice(requirement), "auto", "whether messages must be signed",
            takesRestart: true),
        Parameter(
            "smb3 encryption", .global, .choice(requirement), "auto", "whether messages may or must be sealed",
            aliases: ["server smb encrypt"], takesRestart: true),
        Parameter(
            "ntlm auth", .global, .choice(["ntlmv2-only", "ntlmv1-permitted", "yes", "no", "disabled"]),
            "ntlmv2-only", "ntlmv1-permitted also takes the old, breakable answers"),
        Parameter("map to guest", .global, .choice(["never", "bad user"]), "never", "unknown users become the guest"),
        Parameter("guest account", .both, .text, "nobody", "whom guests act as"),
        Parameter("username map", .global, .text, "", "a file: account = names by which it may log in, too"),
        Parameter("restrict anonymous", .global, .number(0...2), "0", "1, 2: no anonymous use"),
        Parameter("smb2 max read", .global, .size, "8M", "largest READ", takesRestart: true),
        Parameter("smb2 max write", .global, .size, "8M", "largest WRITE", takesRestart: true),
        Parameter("smb2 max trans", .global, .size, "8M", "largest of the other requests", takesRestart: true),
        Parameter(
            "smb2 max credits", .global, .number(1...8192), "8192", "requests a client may have under way",
            takesRestart: true),
        Parameter("max connections", .both, .number(0...65536), "1024", "connections at once; 0: no limit of its own"),
        Parameter("max ip connections", .global, .number(0...65536), "256", "connections of one address at once"),
        Parameter("max active sessions", .global, .number(1...65536), "16384", "sessions at once"),
        Parameter("max open files", .global, .number(1...1_048_576), "1048576", "open files at once"),
        Parameter(
            "deadtime", .global, .number(0...1_000_000), "0", "minutes after which an idle connection ends; 0: never"),
        Parameter("root directory", .global, .text, "", "prefix of every share's path"),
        Parameter("smb2 leases", .global, .boolean, "yes", "grant leases", takesRestart: true),
        Parameter("smb3 directory leases", .global, .boolean, "yes", "let clients cache folders", takesRestart: true),
        Parameter("durable handles", .both, .boolean, "yes", "let opens survive a lost connection"),
        Parameter(
            "server multi channel support", .global, .boolean, "no", "let a session use several connections",
            takesRestart: true),
        Parameter(
            "smbtorture controls", .global, .boolean, "no", "hooks for tests, which break the server on purpose",
            takesRestart: true),
        Parameter("control plane user", .global, .text, "apus", "the account that reads logins, or else nobody"),
        Parameter(
            "admin socket", .global, .text, "",
            "where `apus status` and its kin reach the server; /run/apus/admin.sock, if nothing is said",
            takesRestart: true),
        Parameter(
            "admin group", .global, .text, "", "a group whose members may use the admin socket besides root",
            takesRestart: true),
        Parameter(
            "remote share folders", .global, .list, "",
            "folders beneath which root, logged in over the network, may add, change and delete shares (`net rpc share "
                + "add`, Windows' Shared Folders); empty: nowhere"),
        Parameter(
            "metrics address", .global, .text, "",
            "where Prometheus fetches /metrics: a port (of 127.0.0.1) or ADDRESS:PORT; empty: nothing is counted"),
        Parameter(
            "log format", .global, .choice(["text", "json"]), "text", "json: an object on each line of the log"),
        Parameter(
            "discovery", .global, .choice(["auto", "yes", "no"]), "auto",
            "whether Windows (WS-Discovery) and, through Avahi, macOS and Linux show the server; auto: on networks "
                + "with private addresses, if clients find it at port 445"),
        Parameter("kerberos support", .global, .boolean, "no", "let clients log in with Kerberos"),
        Parameter("kerberos service name", .global, .text, "", "the service's principal"),
        Parameter("kerberos keytab file", .global, .text, "", "where its key is"),
        Parameter("ipc timeout", .global, .number(0...3600), "0", "accepted for ksmbd's sake"),
        Parameter("share:fake_fscaps", .global, .number(0...Int(UInt32.max)), "0", "accepted for ksmbd's sake"),
        Parameter("smbd max io size", .global, .size, "8M", "accepted for ksmbd's sake: there is no SMB Direct"),
    ]

    static let share: [Parameter] = [
        Parameter("path", .share, .text, "", "the folder", aliases: ["directory"]),
        Parameter("comment", .share, .text, "", "what clients see beside the name"),
        Parameter("browseable", .share, .boolean, "yes", "shown in lists", aliases: ["browsable"]),
        Parameter(
            "read only", .share, .boolean, "yes", "nobody writes, but `write list`",
            aliases: ["!writable", "!writeable", "!write ok"]),
        Parameter("guest ok", .share, .boolean, "no", "guests may use it", aliases: ["public"]),
        Parameter("valid users", .share, .list, "", "nobody else may use it; @group names a group"),
        Parameter("invalid users", .share, .list, "", "they may not use it"),
        Parameter("read list", .share, .list, "", "they only read"),
        Parameter("write list", .share, .list, "", "they write even though it is read-only"),
        Parameter("admin users", .share, .list, "", "they act as root"),
        Parameter("hosts allow", .share, .hosts, "", "addresses that may use it", aliases: ["allow hosts"]),
        Parameter("hosts deny", .share, .hosts, "", "addresses that may not", aliases: ["deny hosts"]),
        Parameter("force user", .share, .text, "", "everybody acts as this user"),
        Parameter("force group", .share, .text, "", "everybody acts as this group", aliases: ["group"]),
        Parameter("create mask", .share, .mode, "0744", "mode bits a new file may have", aliases: ["create mode"]),
        Parameter(
            "directory mask", .share, .mode, "0755", "mode bits a new folder may have",
            aliases: ["directory mode"]),
        Parameter("force create mode", .share, .mode, "0000", "mode bits a new file has in any case"),
        Parameter("force directory mode", .share, .mode, "0000", "mode bits a new folder has in any case"),
        Parameter("inherit owner", .share, .boolean, "no", "new files belong to the folder's owner"),
        Parameter("follow symlinks", .share, .boolean, "no", "follow symbolic links that stay inside the share"),
        Parameter("crossmnt", .share, .boolean, "yes", "go into file systems mounted below the folder"),
        Parameter("hide dot files", .share, .boolean, "yes", "names that begin with a dot get the hidden attribute"),
        Parameter("hide files", .share, .text, "", "names that get the hidden attribute: /pattern/pattern/"),
        Parameter("veto files", .share, .text, "", "names nobody sees: /pattern/pattern/"),
        Parameter("hide unreadable", .share, .boolean, "no", "lists leave out what the user may not read"),
        Parameter(
            "acl flag inherited canonicalization", .share, .boolean, "yes",
            "a list counts as inherited only if the client asks for that; no: as the client says"),
        Parameter("store dos attributes", .share, .boolean, "yes", "keep attributes and creation time"),
        Parameter(
            "smb3 unix extensions", .both, .boolean, "yes",
            "POSIX extensions for clients that ask for them (mount -o posix)",
            aliases: ["unix extensions"]),
        Parameter("show symlinks", .share, .boolean, "no", "show links as links, for the client to follow"),
        Parameter("streams", .share, .boolean, "yes", "files have named streams", aliases: ["smbd:streams"]),
        Parameter(
            "mangled names", .share, .choice(["no", "illegal", "yes"]), "no",
            "8.3 names; illegal: only for who asks for a file's"),
        Parameter("change notify", .share, .boolean, "yes", "tell clients what changes in the folders they watch"),
        Parameter(
            "kernel change notify", .share, .boolean, "yes",
            "look out for changes by other programs in folders that clients watch or cache"),
        Parameter(
            "posix locking", .share, .boolean, "yes", "other programs see byte-range locks, and clients theirs"),
        Parameter(
            "kernel oplocks", .share, .boolean, "no",
            "other programs that open a file wait until clients have written back what they cache of it"),
        Parameter(
            "kernel share modes", .share, .boolean, "no", Parameter.whyNoShareModes + "; yes is warned of"),
        Parameter(
            "time machine", .share, .boolean, "no", "Macs may back up to it, and are told so",
            aliases: ["fruit:time machine"]),
        Parameter(
            "time machine max size", .share, .size, "0",
            "of such a share: how large Macs see it, with what their backups take; 0: as large as the disk",
            aliases: ["fruit:time machine max size"]),
        Parameter("oplocks", .share, .boolean, "yes", "let clients cache"),
        Parameter(
            "case sensitive", .share, .choice(["yes", "no", "auto", "true", "false"]), "no", "names differ by case"),
        Parameter("smb encrypt", .share, .choice(requirement), "auto", "whether this share must be used sealed"),
        Parameter(
            "vfs objects", .share, .list, "acl_xattr streams_xattr",
            "what these two do is always done; others are warned of"),
        Parameter("available", .share, .boolean, "yes", "no: the share is not served"),
    ]
}

extension Parameter {
    /// Share modes that other programs feel were flock(2) with LOCK_MAND, which Linux dropped in 5.16, and which no
    /// file system of a local disk had ever heeded. What is left does not do: flock and fcntl locks bind those who ask
    /// for them, NFS's deny modes are between the NFS server's clients, and fanotify, which can refuse an open, does
    /// not say whether it is for reading or for writing.
    static let whyNoShareModes = "Linux has no share modes: among clients they hold, other programs do not see them"

    /// Why `value` changes nothing although it is a right one; nil where it does.
    func futility(of value: String) -> String? {
        switch name {
        case "kernel share modes": return ParameterKind.boolean(value) == true ? Self.whyNoShareModes : nil
        case "vfs objects":
            let missing = ParameterKind.list(value).filter { !Self.modules.contains($0.lowercased()) }
            return missing.isEmpty ? nil : "there is no \(missing.joined(separator: ", ")) here"
        default: return nil
        }
    }

    /// Samba's modules whose work is done here without any.
    private static let modules: Set = ["acl_xattr", "streams_xattr", "fruit"]
}
