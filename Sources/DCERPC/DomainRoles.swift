import NTTypes

/// [MS-DSSP], one question over the pipe of the local security authority: what is this computer to a domain?
enum DomainRoles {
    static func serve(_ operation: UInt16, _ call: inout RPCCall) throws(RPCFault) {
        guard operation == 0 else { throw .operationRange }
        // DsRolerGetPrimaryDomainInformation, [MS-DSSP] 3.2.5.1.
        let level = try call.reader.enumeration()
        let workgroup = call.server.server.workgroup
        guard (1...3).contains(level) else {
            call.writer.pointer(nil)
            return call.finish(.invalidParameter)
        }
        call.writer.parameter { writer in
            writer.pointer { writer in
                writer.discriminant(level)
                switch level {
                case 1:
                    writer.structure { writer in
                        // DsRole_RoleStandaloneServer, and no flags.
                        writer.enumeration(2)
                        writer.number(0 as UInt32)
                        writer.stringPointer(workgroup)
                        writer.stringPointer(nil)
                        writer.stringPointer(nil)
                        writer.guid(.zero)
                    }
                // Not being upgraded, and what it was before is not known.
                case 2:
                    writer.number(0 as UInt32)
                    writer.enumeration(0)
                // DsRoleOperationIdle.
                default: writer.enumeration(0)
                }
            }
        }
        call.finish(.success)
    }
}
