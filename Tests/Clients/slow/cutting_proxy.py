"""A TCP relay that cuts every connection as soon as the file CUT appears (and removes it); ends with its parent.
cutting_proxy.py LISTEN-ADDRESS PORT SERVER-ADDRESS PORT CUT"""
import os
import selectors
import socket
import struct
import sys
import time

listen, listen_port, server, server_port, cut = sys.argv[1:]
selector = selectors.DefaultSelector()
listener = socket.create_server((listen, int(listen_port)))
selector.register(listener, selectors.EVENT_READ)
other = {}
parent = os.getppid()


def connect():
    """To the server, which may be being started again: a relay that took a client's connection and dropped it would say
    that there is a server, where without a relay the client would be refused and come again. None after 10 s."""
    for _ in range(500):
        try:
            return socket.create_connection((server, int(server_port)))
        except OSError:
            time.sleep(0.02)
    return None


def accept():
    near, _ = listener.accept()
    far = connect()
    if far is None:
        near.close()
        return
    for one, two in ((near, far), (far, near)):
        other[one] = two
        selector.register(one, selectors.EVENT_READ)


def end(one):
    for side in (one, other.get(one)):
        if side in other:
            selector.unregister(side)
            # A reset, not a farewell: what is in flight is lost.
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            side.close()
    for side in (other.pop(one, None), one):
        other.pop(side, None)


while os.getppid() == parent:
    for key, _ in selector.select(0.05):
        if key.fileobj is listener:
            accept()
        elif key.fileobj in other:
            try:
                data = key.fileobj.recv(1 << 20)
                if data:
                    other[key.fileobj].sendall(data)
                else:
                    end(key.fileobj)
            except OSError:
                end(key.fileobj)
    if os.path.exists(cut):
        os.unlink(cut)
        for one in list(other):
            if one in other:
                end(one)
