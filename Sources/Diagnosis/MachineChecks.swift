/// What there is to know of the machine itself.
public struct MachineFacts: Sendable {
    public struct Clock: Sendable {
        /// What adjtimex(2) says.
        public var isSynchronized: Bool
        /// The largest error the kernel reckons with.
        public var errorMicroseconds: Int
        public init(isSynchronized: Bool, errorMicroseconds: Int) {
            self.isSynchronized = isSynchronized
            self.errorMicroseconds = errorMicroseconds
        }
    }
    public var isRoot = true
    /// As uname(2) has it: "6.12.9-amd64".
    public var kernel = ""
    public var hasOpenat2 = true
    public var hasGetxattrat = true
    public var hasStatmount = true
    /// "x86_64", "aarch64".
    public var architecture = "x86_64"
    /// As /proc/cpuinfo names them.
    public var processorFlags: Set<String> = []
    public var clock: Clock?
    /// RLIMIT_NOFILE of the server that runs, or as far as one that is started from here can raise its own.
    public var openFileLimit: UInt64 = 1 << 20
    /// Whose limit that is.
    public var isLimitOfServer = false
    /// fs.inotify.max_user_watches, fs.inotify.max_user_instances, fs.fanotify.max_user_marks; nil where not told.
    public var inotifyWatchCountMax: Int?
    public var inotifyInstanceCountMax: Int?
    public var fanotifyMarkCountMax: Int?
    /// fanotify(7) lets the server watch folders.
    public var hasFanotify = true
    public var isKsmbdLoaded = false
    public init() {}
}

/// Judges the machine itself.
public enum MachineChecks {
    public static func findings(_ facts: MachineFacts, openCountMax: Int, supportsKerberos: Bool) -> [Finding] {
        [
            kernel(facts), processor(facts), clock(facts, supportsKerberos: supportsKerberos),
            openFiles(facts, openCountMax: openCountMax), inotify(facts), fanotify(facts), ksmbd(facts),
            identity(facts),
        ].compactMap { $0 }
    }

    static func kernel(_ facts: MachineFacts) -> Finding {
        guard facts.hasOpenat2, version(facts.kernel) >= (5, 10) else {
            let seen = "Linux \(facts.kernel)\(facts.hasOpenat2 ? "" : ", without openat2")"
            return Finding(
                "kernel", .broken, seen, because: "paths cannot be kept inside their share; no file can be opened",
                mend: "run Linux 5.10 or later; in a container, let its seccomp profile pass openat2")
        }
        guard facts.hasGetxattrat else {
            return Finding(
                "kernel", .warning, "Linux \(facts.kernel), without getxattrat",
                because: "attributes of what a folder lists are asked for by way of /proc, at three times the cost",
                mend: "run Linux 6.13 or later")
        }
        let lacks = facts.hasStatmount ? "" : ", without statmount"
        return Finding("kernel", facts.hasStatmount ? .fine : .note, "Linux \(facts.kernel)\(lacks)")
    }

    /// Major and minor.
    static func version(_ release: String) -> (Int, Int) {
        let numbers = release.split(whereSeparator: { !$0.isNumber }).prefix(2).map { Int($0) ?? 0 }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : (0, 0)
    }

    static func processor(_ facts: MachineFacts) -> Finding {
        let isArm = facts.architecture == "aarch64"
        let needed = isArm ? ["aes", "pmull"] : ["aes", "pclmulqdq"]
        let missing = needed.filter { !facts.processorFlags.contains($0) }
        guard missing.isEmpty else {
            return Finding(
                "processor", .warning, "no \(missing.joined(separator: ", ")) in \(facts.architecture)",
                because: "sealing and signing are done in software, at ten times the cost and more",
                mend: "in a virtual machine, hand the host's processor through (-cpu host)")
        }
        let wide = ["vaes", "vpclmulqdq"].filter { !facts.processorFlags.contains($0) }
        guard isArm || wide.isEmpty else {
            return Finding(
                "processor", .note, "AES in hardware; no \(wide.joined(separator: ", ")): sealing costs twice")
        }
        return Finding("processor", .fine, "AES in hardware")
    }

    static func clock(_ facts: MachineFacts, supportsKerberos: Bool) -> Finding? {
        guard let clock = facts.clock else { return nil }
        guard clock.isSynchronized else {
            return Finding(
                "clock", .warning, "nobody sets the clock (adjtimex: unsynchronised)",
                because: supportsKerberos
                    ? "Kerberos refuses everybody once it is five minutes off; times of files are wrong"
                    : "times of files are wrong, and programs that compare them (make, backups) with it",
                mend: "timedatectl set-ntp true, or install chrony")
        }
        return Finding("clock", .fine, "set by NTP, at most \(clock.errorMicroseconds / 1000) ms off")
    }

    /// Each open takes a descriptor, one that holds locks a second; what is left is the server's own.
    static func openFiles(_ facts: MachineFacts, openCountMax: Int) -> Finding {
        let whose = facts.isLimitOfServer ? "the server may have" : "a server started from here could have"
        let seen = "\(whose) \(facts.openFileLimit) files open; `max open files` is \(openCountMax)"
        guard facts.openFileLimit < 65_536, facts.openFileLimit < UInt64(openCountMax) + 1024 else {
            return Finding("open files", .fine, seen)
        }
        return Finding(
            "open files", .warning, seen, because: "clients are told that there are too many open files before that",
            mend: "LimitNOFILE=1048576 in the unit, or ulimit -n 1048576 before the start")
    }

    static func inotify(_ facts: MachineFacts) -> Finding? {
        guard let watches = facts.inotifyWatchCountMax, let instances = facts.inotifyInstanceCountMax else {
            return nil
        }
        let seen = "\(watches) watches, \(instances) queues for each user"
        guard watches < 16_384 || instances < 16 else { return Finding("inotify", .fine, seen) }
        return Finding(
            "inotify", .warning, seen,
            because: "a large folder whose changes cannot be watched is read anew for each name that is looked up",
            mend: "sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512")
    }

    static func fanotify(_ facts: MachineFacts) -> Finding? {
        guard facts.hasFanotify else {
            return Finding(
                "fanotify", facts.isRoot ? .warning : .note, "fanotify does not let this process watch folders",
                because: "what other programs change is not told to clients, and clients do not cache folders",
                mend: "start the server as root, with CAP_SYS_ADMIN")
        }
        guard let marks = facts.fanotifyMarkCountMax else { return nil }
        let seen = "\(marks) marks for each user"
        guard marks < 16_384 else { return Finding("fanotify", .fine, seen) }
        return Finding(
            "fanotify", .warning, seen, because: "folders beyond that many are not watched for other programs' changes",
            mend: "sysctl fs.fanotify.max_user_marks=65536")
    }

    static func ksmbd(_ facts: MachineFacts) -> Finding? {
        guard facts.isKsmbdLoaded else { return nil }
        return Finding(
            "ksmbd", .warning, "the kernel's own server, ksmbd, is loaded",
            because: "as soon as its ksmbd.mountd starts, it takes port 445 and serves its own configuration",
            mend: "systemctl disable --now ksmbd; modprobe -r ksmbd")
    }

    static func identity(_ facts: MachineFacts) -> Finding? {
        guard !facts.isRoot else { return nil }
        return Finding(
            "identity", .note,
            "asked by a user who is not root: what only root sees was left out, and a server started so "
                + "touches all files as that user")
    }
}
