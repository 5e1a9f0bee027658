import ArgumentParser

@main
struct Apus: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "An SMB3 file server.")
}
