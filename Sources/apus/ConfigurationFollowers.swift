import Configuration
import Platform
import SMBServer
import Transport

/// What goes by the configuration while the server runs.
struct ConfigurationFollowers: Sendable {
    let controlPlane: ControlPlaneSupervisor
    let access: ControlPlaneAccess
    let shares: ServedShares
    let discovery: DiscoverySupervisor?
    let server: Server
    let transport: TCPTransport
    let metrics: MetricsEndpoint
    let domain: DomainIdentity
    let log: @Sendable (String) -> Void

    /// All of them go by `configuration` from now on.
    /// - Throws: what is wrong with it; then none does.
    @Sendable func follow(_ configuration: ServerConfiguration) throws {
        let metricsPlace = try MetricsEndpoint.Place(configuration.metricsAddress)
        try controlPlane.reload()
        access.replaceShares(ShareBuilder.build(configuration, domain: domain, log: log), of: configuration)
        shares.replace(with: configuration)
        discovery?.update(configuration)
        server.adjust(Service.engineSettings(configuration).limits)
        transport.adjust(
            connectionCountMax: configuration.connectionCountMax,
            connectionCountPerAddressMax: configuration.connectionCountPerAddressMax)
        JSONLog.isWanted.set(configuration.logsJSON)
        metrics.move(to: metricsPlace, of: server)
    }
}
