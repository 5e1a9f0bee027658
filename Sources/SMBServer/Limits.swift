/// Bounds of every table, queue and timer in the data plane. There are no others. Sizes in bytes.
public struct Limits: Sendable {
    // What is announced in NEGOTIATE, [MS-SMB2] 2.2.4.
    public var readByteCountMax: UInt32 = 8 << 20
    public var writeByteCountMax: UInt32 = 8 << 20
    public var transactByteCountMax: UInt32 = 8 << 20

    public var connectionCountMax = 1024
    public var connectionCountPerAddressMax = 256
    /// How many of them may be of clients that have not logged in, in all and from one address: one more, and the
    /// oldest of those goes.
    public var connectionCountBeforeLoginMax = 256
    public var connectionCountPerAddressBeforeLoginMax = 64
    /// From connect to the end of the first login, and without any session from then on.
    public var loginTimeout: Duration = .seconds(30)
    /// Logins under way on a connection on which none has succeeded.
    public var loginCountBeforeLoginMax = 2
    /// Without a request, and with nothing open, a connection ends after this time; nil for never (`deadtime`).
    public var idleTimeout: Duration?
    /// Largest message before a login has succeeded on the connection: with a token of the 48,000 bytes that Windows
    /// allows. It is most of what a stranger may cost, 64 KiB in all: there are also its logins, each with 2 KiB of
    /// tokens, and the objects themselves. Logins whose outcome is kept back keep nothing of their messages.
    public var messageByteCountBeforeLoginMax = 47 << 10
    /// Header, fixed part and names around the largest read or write.
    public var messageOverheadByteCountMax = 64 << 10
    public var compoundRequestCountMax = 64
    /// Once the responses to a compound are this long, the requests left in it are refused: together they could ask for
    /// all that the connection has credits for, hundreds of MiB.
    public var compoundReplyByteCountMax = 8 << 20

    public var creditCountMax: UInt16 = 8192
    public var sessionCountPerConnectionMax = 64
    public var sessionCountMax = 16_384
    public var treeConnectCountPerSessionMax = 1024
    public var openCountPerSessionMax = 65_536
    public var openCountMax = 1 << 20
    /// Opens whose client is away, each with a descriptor.
    public var disconnectedOpenCountMax = 65_536
    public var disconnectedOpenCountPerUserMax = 8192
    /// How long they wait: the first version, which names no time, as long as Windows lets it; the second as long as it
    /// asks for, within bounds.
    public var durableTimeoutOfFirstVersion: Duration = .seconds(960)
    public var durableTimeoutDefault: Duration = .seconds(180)
    public var durableTimeoutMax: Duration = .seconds(300)
    /// How soon a reconnect looks again whether what came over the lost connection is done.
    public var reconnectRetryInterval: Duration = .milliseconds(100)
    public var resiliencyTimeoutDefault: Duration = .seconds(120)
    public var resiliencyTimeoutMax: Duration = .seconds(300)
    public var channelCountPerSessionMax = 32
    public var parkedRequestCountPerConnectionMax = 511
    public var lockCountPerRequestMax = 64
    public var lockCountPerOpenMax = 65_536
    public var oplockBreakTimeout: Duration = .seconds(35)
    /// Who no longer caches a handle may close it only a little later; Linux's client does within its `closetimeo`, a
    /// second. Whatever else is in the way for a moment only is waited for as long.
    public var closeAfterBreakTimeout: Duration = .milliseconds(1500)
    /// After this time a break counts as lost with its channel, where there are others: TCP has sent it several times.
    public var breakDeliveryTimeout: Duration = .seconds(3)
    /// The same for the last channel. Not much less than `oplockBreakTimeout`: its client may only be slow.
    public var lastBreakDeliveryTimeout: Duration = .seconds(30)
    /// [MS-SMB2] 3.3.3: what one FSCTL_SRV_COPYCHUNK may ask for; clients know these numbers.
    public var copyChunkCountMax = 256
    public var copyChunkByteCountMax = 1 << 20
    public var copyByteCountMax = 16 << 20
    public var reparseByteCountMax = 16 << 10
    /// Folders that are watched for changes by other programs, each with a descriptor.
    public var localWatchCountMax = 16_384
    public var lockRetryInterval: Duration = .milliseconds(500)
    /// SPNEGO token in one SESSION_SETUP.
    public var securityTokenByteCountMax = 64 << 10
    /// Refusals that are remembered, and how much of the name that each was about.
    public var denialCountMax = 512
    public var denialNameByteCountMax = 4096
    /// Of a name that a tracer keeps until it is read.
    public var traceNameByteCountMax = 1024
    /// What one tracer keeps until it is read, names included; a sixteenth of it for each processor's requests. As many
    /// trace at once as the admin socket has callers, sixteen.
    public var traceByteCountMax = 16 << 20
    /// Who is told of by `apus top`: in the part of each processor, of sixteen, so many tree connects; and connections
    /// that have ended, the last ones.
    public var activityCountMax = 4096
    public var pathByteCountMax = 32_767 * 2
    public var extendedAttributesByteCountMax = 65_536

    // `metrics address`. Those who ask are answered one after the other; each has this much room and time.
    public var metricsRequestByteCountMax = 8 << 10
    public var metricsTimeout: Duration = .seconds(5)

    // Named pipes.
    /// Open at once, in all sessions of a user. Clients have a few dozen; a program that opens as many as its credits
    /// allow (512 on each of two connections, and some) is served too, and three such leave the control plane room.
    public var pipeCountPerUserMax = 1088
    /// The same of guests and anonymous users, all of them together.
    public var pipeCountOfGuestsMax = 128
    public var pipeNameByteCountMax = 256
    /// What a client may leave unread before its writes wait.
    public var pipeQuotaByteCount = 64 << 10
    /// What a pipe may hold for its client: the quota, and what the requests of a long write are answered with before
    /// it is looked at again. More is a service that has lost its way, and ends the pipe.
    public var pipeUnreadByteCountMax = 1 << 20
    /// Largest part of a write that is handed to the pipe's service at once.
    public var pipeChunkByteCountMax = 64 << 10

    public init() {}
}

extension Duration {
    /// Of a span that is not negative and no longer than some centuries.
    var nanoseconds: UInt64 {
        UInt64(components.seconds) * 1_000_000_000 + UInt64(components.attoseconds / 1_000_000_000)
    }
}
