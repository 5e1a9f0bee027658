"""Holds N sessions, each on a connection of its own and connected to the share; says "ready"; ends with its input."""
import os
import resource
import sys

from impacket.smb3structs import SMB2_DIALECT_311
from impacket.smbconnection import SMBConnection

count = int(sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 100), hard))
held = []
for _ in range(count):
    connection = SMBConnection(os.environ["HOST"], os.environ["HOST"], sess_port=int(os.environ["PORT"]),
                               preferredDialect=SMB2_DIALECT_311)
    connection.login(os.environ["USER1"], os.environ["PASS1"])
    connection.connectTree(os.environ["SHARE"])
    held.append(connection)
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
