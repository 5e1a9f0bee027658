import EngineHost
import NTTypes
import SMBTestClient
import SMBWire

/// One input for each thing that clients do, so that the fuzzer need not invent them.
func seeds() -> [String: [UInt8]] {
    // The host gives the same file IDs each time; these are of the first opens of a fresh one.
    guard let host = try? EngineHost(), let client = try? host.logIn(), let file = try? client.open("file"),
        let directory = try? client.open("folder", { $0.createOptions = .directoryFile })
    else { preconditionFailure("a good client must get in") }
    let make = [TestRequest.create("file")]
    let makeFolder = [TestRequest.create("folder") { $0.createOptions = .directoryFile }]
    let any = FileID.compoundRelated
    let lock = LockRequest.Element(offset: 0, length: 10, flags: .exclusive)
    let scripts: [String: [[TestRequest]]] = [
        "files": [make, [.write(file, [1, 2, 3])], [.read(file, count: 64)], [.flush(file)], [.close(file)]],
        "folders": [make, makeFolder, [.list(directory)], [.notify(directory)], [.close(directory)]],
        "related": [[.create("x"), TestRequest.write(any, [7]).related, TestRequest.close(any).related]],
        "locks": [make, [.lock(file, [lock])], [.lock(file, [lock])], [.close(file)]],
        "information": [make] + [4, 5, 6, 7, 15, 18, 22, 34].map { [.query(file, class: $0)] },
        "security": [make, [.query(file, type: 3, class: 0, additional: 7)]],
        "volume": [make] + [1, 3, 4, 5, 7, 11].map { [.query(file, type: 2, class: $0)] },
        "rename": [make, [.set(file, class: 10, [UInt8](repeating: 0, count: 16) + [2, 0, 0, 0, 98, 0])]],
        "delete": [make, [.set(file, class: 13, [1])], [.close(file)]],
        "sizes": [make, [.set(file, class: 20, [9, 0, 0, 0, 0, 0, 0, 0])]],
        "streams": [[.create("file:stream")], [.create("file:stream:$DATA")]],
        "controls": [make, [.control(0x0014_0204)], [.control(0x0009_009C, file)]],
        "ends": [[.treeDisconnect, .logoff.related], [.echo]],
        "login": [[TestClient.sessionSetup([0x60, 0])], [TestClient.treeConnect("IPC$")]],
        "cancel": [makeFolder, [.notify(directory)], [.cancel(messageID: 5)]],
    ]
    return scripts.mapValues { script in
        script.reduce([0]) { bytes, requests in
            client.session = nil
            client.treeID = 0
            let message = client.encode(requests)
            return bytes + [0, UInt8(message.count & 255), UInt8(message.count >> 8)] + message
        }
    }
}
