"""Reads the file named on the command line, 4 KiB at a time, for about three seconds."""
import sys
import time

from impacket.smbconnection import SMBConnection

from tap import HOST, PASS1, PORT, SHARE, USER1

connection = SMBConnection(HOST, HOST, sess_port=PORT)
connection.login(USER1, PASS1)
tree = connection.connectTree(SHARE)
file = connection.openFile(tree, sys.argv[1], desiredAccess=1)
end = time.monotonic() + 3
while time.monotonic() < end:
    for part in range(1000):
        connection.readFile(tree, file, part * 4096, 4096)
connection.close()
