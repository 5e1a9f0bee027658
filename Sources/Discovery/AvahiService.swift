/// What Avahi says of the server by multicast DNS, as a file for its folder of static services (avahi.service(5)).
public enum AvahiService {
    /// By this line a file is known as ours.
    public static let mark = "<!-- Written by apus while it serves; a change here is lost. -->"

    /// - Parameters:
    ///   - port: where clients connect.
    ///   - timeMachineShares: names of the shares that Macs are to offer as places for backups.
    public static func file(port: UInt16, timeMachineShares: [String]) -> String {
        var services = [
            service("_smb._tcp", port: port, []),
            // Which picture the Finder shows. The port says that there is nothing to connect to.
            service("_device-info._tcp", port: 0, ["model=RackMac"]),
        ]
        if !timeMachineShares.isEmpty {
            // adVF: flags of the server (0x100), and of a volume: reached by SMB (0x80), takes backups (0x02).
            let volumes = timeMachineShares.enumerated().map { "dk\($0.offset)=adVN=\($0.element),adVF=0x82" }
            services.append(service("_adisk._tcp", port: 9, ["sys=waMa=0,adVF=0x100"] + volumes))
        }
        return """
            <?xml version="1.0" standalone="no"?>
            <!DOCTYPE service-group SYSTEM "avahi-service.dtd">
            \(mark)
            <service-group>
              <name replace-wildcards="yes">%h</name>
            \(services.joined(separator: "\n"))
            </service-group>

            """
    }

    private static func service(_ type: String, port: UInt16, _ records: [String]) -> String {
        let lines =
            ["<type>\(type)</type>", "<port>\(port)</port>"]
            + records.map { "<txt-record>\($0.escapedForXML)</txt-record>" }
        return "  <service>\n" + lines.map { "    \($0)\n" }.joined() + "  </service>"
    }
}
