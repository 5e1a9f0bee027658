import EngineHost
import FuzzDriver

@_cdecl("FuzzConnection_main")
public func main(_ count: CInt, _ arguments: Arguments) -> CInt {
    // A folder for the whole run; each input finds it empty.
    guard let folder = try? ScratchFolder() else { preconditionFailure("no folder in /dev/shm or /tmp") }
    return fuzz(count, arguments, seeds: seeds) { input in Scenario.run(input, in: folder) }
}
