// swift-tools-version: 6.2
import PackageDescription

/// Every target: Swift 6, strict memory safety, no warning survives.
/// `Lifetimes` is experimental; it is bearable because it only annotates views (`WireReader`) whose misuse then
/// fails to compile. Should its spelling change, SMBWire's reader is the one place to follow.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableExperimentalFeature("Lifetimes"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Tests may use what the language calls unsafe without a proof beside it.
let testSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableExperimentalFeature("Lifetimes"),
    .enableUpcomingFeature("ExistentialAny"),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: testSettings)
}

/// `./dev fuzz` sets APUS_FUZZ; nobody else has to build these.
func fuzzTargets() -> [Target] {
    guard Context.environment["APUS_FUZZ"] == "1" else { return [] }
    func fuzz(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
        .executableTarget(
            name: name, dependencies: dependencies + ["FuzzDriver"], path: "Fuzz/\(name)", swiftSettings: testSettings,
            // GNU gold breaks off when it meets libFuzzer.
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])])
    }
    return [
        .target(name: "FuzzDriver", path: "Fuzz/Driver", swiftSettings: testSettings),
        fuzz("FuzzConfiguration", ["Configuration"]),
        fuzz("FuzzConnection", ["EngineHost", "SMBTestClient", "SMBWire", "NTTypes"]),
        fuzz("FuzzControlPlane", ["ControlPlane", "NTTypes"]),
        fuzz("FuzzDiscovery", ["Discovery"]),
        fuzz("FuzzLogin", ["Authentication", "NTTypes"]),
        fuzz("FuzzRPC", ["DCERPC", "NTTypes"]),
        fuzz("FuzzStored", ["LinuxFileStore", "FileStore", "NTTypes", "CLinux"]),
        fuzz("FuzzWire", ["SMBWire", "Platform"]),
    ]
}

let package = Package(
    name: "apus",
    products: [.executable(name: "apus", targets: ["apus"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // Debug builds make sure, at each system call, of whom it is made as.
        .target(
            name: "CLinux", cSettings: [.define("APUS_IDENTITY_CHECK", .when(configuration: .debug))]),
        // MIT's libraries, and a face of ours that needs none of their macros; Debian: libkrb5-dev.
        .target(
            name: "CKerberos", linkerSettings: [.linkedLibrary("gssapi_krb5"), .linkedLibrary("krb5")]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        module("Platform", ["CLinux"]),
        module("NTTypes"),
        module("SMBWire", ["NTTypes", "Platform"]),
        module("SMBCrypto", ["COpenSSL", "Platform"]),
        module("FileStore", ["NTTypes", "Platform"]),
        module("LinuxFileStore", ["FileStore", "NTTypes", "SMBCrypto", "Platform", "CLinux"]),
        module("SMBServer", ["NTTypes", "SMBWire", "SMBCrypto", "FileStore", "Platform"]),
        module("Transport", ["Platform", "CLinux"]),
        module("ControlPlane", ["NTTypes", "Platform", "CLinux"]),
        module("Administration", ["Platform", "CLinux"]),
        module("Configuration", ["NTTypes"]),
        module("Diagnosis", ["Configuration"]),
        module("DCERPC", ["NTTypes"]),
        module("Discovery"),
        module(
            "Authentication",
            ["SMBCrypto", "NTTypes", "Platform", "CKerberos", .product(name: "SwiftASN1", package: "swift-asn1")]),
        .executableTarget(
            name: "apus",
            dependencies: [
                "NTTypes", "SMBWire", "SMBCrypto", "FileStore", "LinuxFileStore", "SMBServer", "Transport",
                "ControlPlane", "Administration", "Configuration", "Diagnosis", "Authentication", "DCERPC", "Discovery",
                "Platform", "CLinux", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        module("SMBTestClient", ["NTTypes", "SMBWire", "SMBCrypto", "Authentication", "Platform", "CLinux"]),

        // A whole engine in the process of a test or of a fuzzer.
        .target(
            name: "EngineHost",
            dependencies: [
                "SMBServer", "SMBTestClient", "SMBWire", "LinuxFileStore", "FileStore", "Authentication", "NTTypes",
                "Platform", "CLinux",
            ],
            path: "Tests/EngineHost", swiftSettings: testSettings),
        tests("NTTypesTests", ["NTTypes"]),
        tests("PlatformTests", ["Platform"]),
        tests("SMBWireTests", ["SMBWire", "NTTypes", "Platform"], exclude: ["Captures"]),
        tests("SMBCryptoTests", ["SMBCrypto", "Platform"]),
        tests("LinuxFileStoreTests", ["LinuxFileStore", "FileStore", "NTTypes", "SMBCrypto", "Platform", "CLinux"]),
        tests(
            "SMBServerTests",
            [
                "SMBServer", "SMBWire", "SMBCrypto", "FileStore", "LinuxFileStore", "NTTypes", "Platform",
                "SMBTestClient", "EngineHost",
            ]),
        tests("TransportTests", ["Transport", "Platform", "CLinux"]),
        tests("ControlPlaneTests", ["ControlPlane", "NTTypes", "Platform", "CLinux"]),
        tests(
            "ApusTests",
            [
                "apus", "ControlPlane", "Configuration", "SMBServer", "LinuxFileStore", "FileStore", "NTTypes",
                "Platform",
            ]),
        tests("AdministrationTests", ["Administration", "Platform"]),
        tests("ConfigurationTests", ["Configuration", "NTTypes"]),
        tests("DiagnosisTests", ["Diagnosis", "Configuration"]),
        tests("DCERPCTests", ["DCERPC", "NTTypes", "Platform"]),
        tests("DiscoveryTests", ["Discovery"]),
        tests("AuthenticationTests", ["Authentication", "SMBCrypto", "NTTypes", "Platform"]),
    ] + fuzzTargets()
)
