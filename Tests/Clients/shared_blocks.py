"""FSCTL_DUPLICATE_EXTENTS_TO_FILE and its _EX form, [MS-FSCC] 2.3.7 and 2.3.9, and long streams. FOLDER: the share's."""
import fcntl
import os
import struct
import uuid

from smbprotocol.connection import Connection, Dialects
from smbprotocol.ioctl import IOCTLFlags, SMB2IOCTLRequest
from smbprotocol.open import (
    CreateDisposition, CreateOptions, FileAttributes, FilePipePrinterAccessMask as Access, ImpersonationLevel, Open,
    ShareAccess)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

from tap import HOST, PASS1, PORT, SHARE, USER1, check, done, expect_error

FOLDER = os.environ["FOLDER"]
DUPLICATE, DUPLICATE_EX = 0x00098344, 0x000983E8
NOT_SUPPORTED, INVALID_PARAMETER, INVALID_HANDLE, ACCESS_DENIED = "0xc00000bb", "0xc000000d", "0xc0000008", "0xc0000022"
UNIT = 65536
BLOCKS = os.urandom(4 * UNIT)

connection = Connection(uuid.uuid4(), HOST, PORT, require_signing=True)
connection.connect(Dialects.SMB_3_1_1)
session = Session(connection, USER1, PASS1, require_encryption=False)
session.connect()
tree = TreeConnect(session, rf"\\{HOST}\{SHARE}")
tree.connect(require_secure_negotiate=False)


def opened(name, access=Access.GENERIC_READ | Access.GENERIC_WRITE):
    file = Open(tree, name)
    file.create(
        ImpersonationLevel.Impersonation, access, FileAttributes.FILE_ATTRIBUTE_NORMAL,
        ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE, CreateDisposition.FILE_OPEN_IF,
        CreateOptions.FILE_NON_DIRECTORY_FILE)
    return file


def control(file, code, data):
    request = SMB2IOCTLRequest()
    request.fields["ctl_code"].enum_strict = False
    request["ctl_code"], request["file_id"], request["buffer"] = code, file.file_id, data
    request["flags"] = IOCTLFlags.SMB2_0_IOCTL_IS_FSCTL
    connection.receive(connection.send(request, session.session_id, tree.tree_connect_id))


def written(name, data):
    file = opened(name)
    for start in range(0, len(data), UNIT):
        file.write(data[start:start + UNIT], start)
    file.flush()
    return file


def content(name):
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()


def are_shared(name):
    """FS_IOC_FIEMAP: whether the file's first extent is marked FIEMAP_EXTENT_SHARED."""
    with open(os.path.join(FOLDER, name), "rb") as file:
        os.fsync(file.fileno())
        answer = bytearray(struct.pack("<QQIIII", 0, UNIT, 1, 0, 1, 0) + bytes(56))
        fcntl.ioctl(file.fileno(), 0xC020660B, answer, True)
        return bool(struct.unpack_from("<I", answer, 32 + 40)[0] & 0x2000)


def duplicated():
    source, target = written("source", BLOCKS), written("target", bytes(2 * UNIT))
    # Two blocks from the third on, over the first two; the target keeps its size.
    control(target, DUPLICATE, source.file_id + struct.pack("<QQQ", 2 * UNIT, 0, 2 * UNIT))
    assert content("target") == BLOCKS[2 * UNIT:], "other bytes"
    assert are_shared("target"), "a copy"
    source.close(), target.close()


def extended():
    source, target = written("source-ex", BLOCKS), written("target-ex", bytes(2 * UNIT))

    def structure(flags=0, handle=source.file_id, count=UNIT, offset=UNIT):
        return struct.pack("<Q", 56) + handle + struct.pack("<QQQII", offset, UNIT, count, flags, 0)

    control(target, DUPLICATE_EX, structure())
    assert content("target-ex") == bytes(UNIT) + BLOCKS[UNIT:2 * UNIT], "other bytes"
    control(target, DUPLICATE_EX, structure(flags=1, offset=2 * UNIT))  # SOURCE_ATOMIC
    assert content("target-ex") == bytes(UNIT) + BLOCKS[2 * UNIT:3 * UNIT], "other bytes, atomic"
    expect_error(INVALID_PARAMETER, control, target, DUPLICATE_EX, structure(flags=2))
    expect_error(INVALID_PARAMETER, control, target, DUPLICATE_EX, structure()[:-1])
    expect_error(NOT_SUPPORTED, control, target, DUPLICATE_EX, structure(count=4 * UNIT))
    expect_error(INVALID_HANDLE, control, target, DUPLICATE_EX, structure(handle=bytes(16)))
    reader = opened("target-ex", Access.GENERIC_READ)
    expect_error(ACCESS_DENIED, control, reader, DUPLICATE_EX, structure())
    source.close(), target.close(), reader.close()


def long_streams():
    data = os.urandom(200_000)
    stream = written("file:a long stream", data)
    stream.close()
    again = opened("file:a long stream", Access.GENERIC_READ)
    assert again.end_of_file == len(data), again.end_of_file
    found = b"".join(again.read(start, min(UNIT, len(data) - start)) for start in range(0, len(data), UNIT))
    assert found == data, "other bytes"
    again.close()
    pieces = [name for name in os.listxattr(os.path.join(FOLDER, "file")) if name.startswith("user.DosStream")]
    assert len(pieces) > 1, pieces


check(f"{SHARE}: blocks are shared", duplicated)
check(f"{SHARE}: blocks are shared, extended form, and what it refuses", extended)
check(f"{SHARE}: a stream of 200,000 bytes", long_streams)
done()
