"""What a Mac asks of a share for Time Machine: the context AAPL, a full sync, and how much room there is."""
import struct
import uuid

import smbclient
from smbprotocol.connection import Connection
from smbprotocol.create_contexts import SMB2CreateContextRequest
from smbprotocol.open import (
    CreateDisposition, CreateOptions, FileAttributes, FilePipePrinterAccessMask, ImpersonationLevel, Open,
    SMB2FlushRequest, SMB2FlushResponse, ShareAccess)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

from tap import HOST, PASS1, PORT, SHARE, USER1, check, done


def asked(share, question):
    """What the server answers to AAPL when the root is opened."""
    connection = Connection(uuid.uuid4(), HOST, PORT)
    connection.connect()
    session = Session(connection, USER1, PASS1)
    session.connect()
    tree = TreeConnect(session, rf"\\{HOST}\{share}")
    tree.connect()
    context = SMB2CreateContextRequest()
    context["buffer_name"] = b"AAPL"
    context["buffer_data"] = question
    root = Open(tree, "")
    answers = root.create(
        ImpersonationLevel.Impersonation, FilePipePrinterAccessMask.GENERIC_READ, FileAttributes.FILE_ATTRIBUTE_DIRECTORY,
        ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE, CreateDisposition.FILE_OPEN,
        CreateOptions.FILE_DIRECTORY_FILE, create_contexts=[context])
    root.close()
    connection.disconnect()
    return answers or []


def query(bitmap):
    return struct.pack("<IIQQ", 1, 0, bitmap, 7)


def everything():
    [answer] = asked("backups", query(7))
    command, reserved, bitmap, server, volume, pad, length = struct.unpack("<IIQQQII", answer[:40])
    assert (command, reserved, bitmap, pad) == (1, 0, 7, 0)
    # Of Unix's kind and nothing else; the volume does a full sync.
    assert (server, volume) == (4, 4), (server, volume)
    assert answer[40:].decode("utf-16-le") == "RackMac" and length == 14


def only_what_is_asked():
    [answer] = asked("backups", query(2))
    assert answer == struct.pack("<IIQQ", 1, 0, 2, 4), answer


def nothing_else():
    for question in (b"", query(7)[:-1], query(7) + b"\0", struct.pack("<IIQQ", 2, 0, 7, 7)):
        assert asked("backups", question) == [], question
    assert asked(SHARE, query(7)) == []


def full_sync():
    smbclient.register_session(HOST, USER1, PASS1, port=PORT)
    with smbclient.open_file(rf"\\{HOST}\backups\file", "wb", port=PORT, buffering=0) as file:
        file.write(b"text")
        handle = file.fd
        flush = SMB2FlushRequest()
        flush["reserved1"] = 0xFFFF
        flush["file_id"] = handle.file_id
        request = handle.connection.send(flush, handle.tree_connect.session.session_id, handle.tree_connect.tree_connect_id)
        SMB2FlushResponse().unpack(handle.connection.receive(request)["data"].get_value())
    smbclient.reset_connection_cache()


def room():
    smbclient.register_session(HOST, USER1, PASS1, port=PORT)
    root = rf"\\{HOST}\backups"
    volume = smbclient.stat_volume(root, port=PORT)
    assert volume.total_size <= 1 << 30, volume
    before = volume.caller_available_size
    smbclient.makedirs(rf"{root}\mac.sparsebundle\bands", port=PORT)
    with smbclient.open_file(rf"{root}\mac.sparsebundle\Info.plist", "wb", port=PORT) as file:
        file.write(b"<dict>\n\t<key>band-size</key>\n\t<integer>67108864</integer>\n</dict>\n")
    for number in range(4):
        with smbclient.open_file(rf"{root}\mac.sparsebundle\bands\{number}", "wb", port=PORT) as file:
            file.write(b"x")
    import time

    for _ in range(80):
        after = smbclient.stat_volume(root, port=PORT).caller_available_size
        if after < before:
            break
        time.sleep(0.1)
    # Where the disk itself has less room than that, it is the bound.
    assert after == min(before, (1 << 30) - 4 * 67108864), (before, after)
    smbclient.reset_connection_cache()


check("AAPL: server, volume and model", everything)
check("AAPL: only what is asked for", only_what_is_asked)
check("AAPL: malformed questions and other shares get no answer", nothing_else)
check("FLUSH as F_FULLFSYNC sends it", full_sync)
check("time machine max size: room is less by what the bands take", room)
done()
