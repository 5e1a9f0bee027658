"""smbprotocol 1.17: its high-level smbclient module and the raw one, plain, signed and sealed, in every dialect."""
import os
import stat
import uuid

import smbclient
from smbprotocol.connection import Connection, Dialects
from smbprotocol.exceptions import SMBOSError
from smbprotocol.open import (
    CreateDisposition, CreateOptions, FileAttributes, FilePipePrinterAccessMask, ImpersonationLevel, Open, ShareAccess)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

from tap import HOST, PASS1, PASS2, PORT, SHARE, USER1, USER2, check, done, expect_error

ROOT = rf"\\{HOST}\{SHARE}"
DATA = os.urandom(3 << 20)


def plain_files():
    smbclient.register_session(HOST, USER1, PASS1, port=PORT)
    path = rf"{ROOT}\a folder"
    smbclient.makedirs(rf"{path}\below", port=PORT)
    with smbclient.open_file(rf"{path}\data.bin", "wb", port=PORT) as file:
        file.write(DATA)
    with smbclient.open_file(rf"{path}\data.bin", "rb", port=PORT) as file:
        assert file.read() == DATA
    with smbclient.open_file(rf"{path}\text.txt", "w", encoding="utf-8", port=PORT) as file:
        file.write("Zürich\n")
    with smbclient.open_file(rf"{path}\text.txt", "a", encoding="utf-8", port=PORT) as file:
        file.write("東京\n")
    with smbclient.open_file(rf"{path}\text.txt", encoding="utf-8", port=PORT) as file:
        assert file.read() == "Zürich\n東京\n"
    assert sorted(smbclient.listdir(path, port=PORT)) == ["below", "data.bin", "text.txt"]
    assert sorted(entry.name for entry in smbclient.scandir(path, search_pattern="*.bin", port=PORT)) == ["data.bin"]
    status = smbclient.stat(rf"{path}\data.bin", port=PORT)
    assert status.st_size == len(DATA)
    smbclient.utime(rf"{path}\data.bin", times=(1_000_000_000, 1_000_000_001), port=PORT)
    assert int(smbclient.stat(rf"{path}\data.bin", port=PORT).st_mtime) == 1_000_000_001
    smbclient.truncate(rf"{path}\data.bin", 5, port=PORT)
    assert smbclient.stat(rf"{path}\data.bin", port=PORT).st_size == 5
    smbclient.rename(rf"{path}\data.bin", rf"{path}\below\moved.bin", port=PORT)
    smbclient.replace(rf"{path}\text.txt", rf"{path}\below\moved.bin", port=PORT)
    assert smbclient.listdir(path, port=PORT) == ["below"]
    smbclient.remove(rf"{path}\below\moved.bin", port=PORT)
    smbclient.removedirs(rf"{path}\below", port=PORT)
    smbclient.reset_connection_cache()


def space():
    smbclient.register_session(HOST, USER1, PASS1, port=PORT)
    volume = smbclient.stat_volume(ROOT, port=PORT)
    assert 0 < volume.caller_available_size <= volume.total_size
    smbclient.reset_connection_cache()


def sealed():
    smbclient.register_session(HOST, USER2, PASS2, port=PORT, encrypt=True)
    with smbclient.open_file(rf"{ROOT}\sealed.bin", "wb", port=PORT) as file:
        file.write(DATA)
    with smbclient.open_file(rf"{ROOT}\sealed.bin", "rb", port=PORT) as file:
        assert file.read() == DATA
    smbclient.remove(rf"{ROOT}\sealed.bin", port=PORT)
    smbclient.reset_connection_cache()


def raw(dialect, encrypt=False, compound=True):
    connection = Connection(uuid.uuid4(), HOST, PORT, require_signing=True)
    connection.connect(dialect)
    try:
        session = Session(connection, USER1, PASS1, require_encryption=encrypt)
        session.connect()
        tree = TreeConnect(session, ROOT)
        tree.connect()
        file = Open(tree, "compound.bin")
        messages = [
            file.create(ImpersonationLevel.Impersonation, FilePipePrinterAccessMask.GENERIC_READ
                        | FilePipePrinterAccessMask.GENERIC_WRITE | FilePipePrinterAccessMask.DELETE,
                        FileAttributes.FILE_ATTRIBUTE_NORMAL, ShareAccess.FILE_SHARE_READ,
                        CreateDisposition.FILE_OVERWRITE_IF,
                        CreateOptions.FILE_NON_DIRECTORY_FILE | CreateOptions.FILE_DELETE_ON_CLOSE, send=False),
            file.write(b"in one", 0, send=False),
            file.read(0, 6, send=False),
            file.close(send=False),
        ]
        requests = connection.send_compound(
            [message for message, _ in messages], sid=session.session_id, tid=tree.tree_connect_id, related=True)
        answers = [unpack(request) for (_, unpack), request in zip(messages, requests)]
        assert answers[1] == 6 and answers[2] == b"in one", answers
        connection.echo(sid=session.session_id, credit_request=64)
        tree.disconnect()
        session.disconnect()
    finally:
        connection.disconnect()


def missing_file():
    smbclient.register_session(HOST, USER1, PASS1, port=PORT)
    try:
        smbclient.stat(rf"{ROOT}\not here", port=PORT)
        raise AssertionError("there is such a file")
    except SMBOSError as error:
        assert error.errno == 2, error
    finally:
        smbclient.reset_connection_cache()


def names_of_one_file():
    """[MS-FSA] 2.1.5.5: of two names each is deleted on its own, while the other one is open."""
    smbclient.register_session(HOST, USER1, PASS1, port=PORT)
    first, second = rf"{ROOT}\name one", rf"{ROOT}\name two"
    with smbclient.open_file(first, "wb", port=PORT) as file:
        file.write(b"kept")
    smbclient.link(first, second, port=PORT)
    with smbclient.open_file(second, "rb", share_access="rwd", port=PORT) as file:
        smbclient.remove(first, port=PORT)
        assert smbclient.listdir(ROOT, port=PORT) == ["name two"], smbclient.listdir(ROOT, port=PORT)
        assert file.read() == b"kept"
    with smbclient.open_file(second, "rb", share_access="rwd", port=PORT) as file:
        smbclient.rename(second, first, port=PORT)
        smbclient.remove(first, port=PORT)
        # The name that the open file was given meanwhile is the one that goes, with its last handle.
        expect_error("STATUS_DELETE_PENDING", smbclient.stat, first, port=PORT)
    assert smbclient.listdir(ROOT, port=PORT) == []
    smbclient.reset_connection_cache()


def symbolic_links():
    """Made by the client, kept by the server, followed by the client, who is told how much of the name is behind the link."""
    smbclient.register_session(HOST, USER1, PASS1, port=PORT)
    smbclient.makedirs(rf"{ROOT}\target\below", port=PORT)
    with smbclient.open_file(rf"{ROOT}\target\below\data.txt", "wb", port=PORT) as file:
        file.write(b"behind it")
    smbclient.symlink("target", rf"{ROOT}\To Folder", target_is_directory=True, port=PORT)
    smbclient.symlink(r"target\below\data.txt", rf"{ROOT}\to file", port=PORT)
    assert smbclient.readlink(rf"{ROOT}\to file", port=PORT) == rf"{ROOT}\target\below\data.txt"
    assert stat.S_ISLNK(smbclient.lstat(rf"{ROOT}\to file", port=PORT).st_mode)
    assert smbclient.stat(rf"{ROOT}\to file", port=PORT).st_size == len(b"behind it")
    for name in r"to file", r"To Folder\below\data.txt", r"to folder\below\data.txt":
        with smbclient.open_file(rf"{ROOT}\{name}", "rb", port=PORT) as file:
            assert file.read() == b"behind it", name
    # What is made behind a link is made in its target.
    with smbclient.open_file(rf"{ROOT}\To Folder\new.txt:stream", "wb", port=PORT) as file:
        file.write(b"x")
    assert sorted(smbclient.listdir(rf"{ROOT}\target", port=PORT)) == ["below", "new.txt"]
    links = {entry.name for entry in smbclient.scandir(ROOT, port=PORT) if entry.is_symlink()}
    assert links == {"To Folder", "to file"}, links
    smbclient.remove(rf"{ROOT}\to file", port=PORT)
    smbclient.rmdir(rf"{ROOT}\To Folder", port=PORT)
    assert smbclient.listdir(ROOT, port=PORT) == ["target"]
    for name in r"below\data.txt", "new.txt":
        smbclient.remove(rf"{ROOT}\target\{name}", port=PORT)
    smbclient.removedirs(rf"{ROOT}\target\below", port=PORT)
    smbclient.reset_connection_cache()


def attributes_and_streams():
    smbclient.register_session(HOST, USER1, PASS1, port=PORT)
    path = rf"{ROOT}\many parts"
    with smbclient.open_file(path, "wb", port=PORT) as file:
        file.write(b"main")
    smbclient.setxattr(path, b"One", b"first", port=PORT)
    smbclient.setxattr(path, b"two", b"second", port=PORT)
    smbclient.setxattr(path, b"ONE", b"changed", port=PORT)
    assert sorted(name.lower() for name in smbclient.listxattr(path, port=PORT)) == [b"one", b"two"]
    assert smbclient.getxattr(path, b"One", port=PORT) == b"changed"
    smbclient.removexattr(path, b"One", port=PORT)
    assert smbclient.listxattr(path, port=PORT) == [b"two"]
    with smbclient.open_file(path + ":side", "wb", port=PORT) as file:
        file.write(b"sideways")
    streams = {stream.name: stream.size for stream in smbclient.liststreams(path, port=PORT)}
    assert streams == {"::$DATA": 4, ":side:$DATA": 8}, streams
    smbclient.remove(path + ":side", port=PORT)
    assert len(smbclient.liststreams(path, port=PORT)) == 1
    smbclient.remove(path, port=PORT)
    smbclient.reset_connection_cache()


check("smbprotocol: files, folders, times, renames, deletes", plain_files)
check("smbprotocol: free space", space)
check("smbprotocol: sealed session", sealed)
for dialect in (Dialects.SMB_2_0_2, Dialects.SMB_2_1_0, Dialects.SMB_3_0_0, Dialects.SMB_3_0_2, Dialects.SMB_3_1_1):
    check(f"smbprotocol {dialect:#x}: a related compound, signed", raw, dialect)
for dialect in (Dialects.SMB_3_0_0, Dialects.SMB_3_0_2, Dialects.SMB_3_1_1):
    check(f"smbprotocol {dialect:#x}: a related compound, sealed", raw, dialect, True)
check("smbprotocol: two names of one file", names_of_one_file)
check("smbprotocol: symbolic links, made, followed, deleted", symbolic_links)
check("smbprotocol: extended attributes and streams", attributes_and_streams)
check("smbprotocol: a missing file is ENOENT", missing_file)
check("smbprotocol: a wrong password is refused",
      expect_error, "LogonFailure", smbclient.register_session, HOST, USER1, "wrong", PORT)
done()
