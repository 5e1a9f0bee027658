#!/usr/bin/env python3
"""Starts a program in a root folder as systemd would: with a listening socket and a socket to notify. Prints what it
notifies. as_service.py PORT ROOT COMMAND..."""
import os
import signal
import socket
import sys

port, root, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
path = root + "/run/notify"
if os.path.exists(path):
    os.unlink(path)
notify.bind(path)
child = os.fork()
if child == 0:
    if listener.fileno() == 3:
        os.set_inheritable(3, True)
    else:
        os.dup2(listener.fileno(), 3, inheritable=True)
    os.chroot(root)
    os.chdir("/")
    os.environ.update(NOTIFY_SOCKET="/run/notify", LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", WATCHDOG_USEC="3000000",
                      PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    os.execvp(command[0], command)
listener.close()
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
notify.settimeout(0.2)
while True:
    try:
        print(notify.recv(4096).decode(), flush=True)
    except (TimeoutError, InterruptedError):
        if os.waitpid(child, os.WNOHANG)[0]:
            break
os.unlink(path)
