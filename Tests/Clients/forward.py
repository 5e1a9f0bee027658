#!/usr/bin/env python3
"""forward.py ADDRESS PORT: passes port 445 of a loopback address on to PORT of 127.0.0.1, for clients that know no other
port. Prints a line once it listens."""
import socket
import sys
import threading


def copy(source, target):
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


listener = socket.create_server((sys.argv[1], 445))
print("listening", flush=True)
while True:
    client = listener.accept()[0]
    server = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    for pair in (client, server), (server, client):
        threading.Thread(target=copy, args=pair, daemon=True).start()
