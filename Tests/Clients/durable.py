"""Durable and resilient handles, create replay, application instances, [MS-SMB2] 3.3.5.9.6 to 3.3.5.9.13 and 3.3.5.15.9."""
import contextlib
import struct
import time
import uuid

import smbprotocol.connection
from smbprotocol.connection import Connection, Dialects
from smbprotocol.create_contexts import SMB2CreateContextRequest
from smbprotocol.exceptions import SMBResponseException
from smbprotocol.ioctl import IOCTLFlags, SMB2IOCTLRequest
from smbprotocol.open import (
    CreateDisposition, CreateOptions, FileAttributes, FilePipePrinterAccessMask as Access, ImpersonationLevel, LockFlags,
    Open, ShareAccess, SMB2CloseRequest, SMB2LockElement, SMB2LockRequest)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

from tap import HOST, PASS1, PASS2, PORT, SHARE, USER1, USER2, check, done

INVALID_PARAMETER, ACCESS_DENIED, NAME_NOT_FOUND = 0xC000000D, 0xC0000022, 0xC0000034
SHARING_VIOLATION, LOCK_NOT_GRANTED, FORCED_CLOSED = 0xC0000043, 0xC0000055, 0xC00000B6
FILE_CLOSED, DUPLICATE_OBJECT_ID = 0xC0000128, 0xC000022A
NONE, BATCH, LEASE = 0x00, 0x09, 0xFF
REPLAY_OPERATION = 0x20000000
ALL = ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE
READ_WRITE_DELETE = Access.GENERIC_READ | Access.GENERIC_WRITE | Access.DELETE


class Client:
    """One connection of one machine, logged in and connected to a share."""

    def __init__(self, user=USER1, password=PASS1, guid=None, share=SHARE, dialect=Dialects.SMB_3_1_1, signing=True):
        self.guid = guid or uuid.uuid4()
        self.connection = Connection(self.guid, HOST, PORT, require_signing=signing)
        self.connection.connect(dialect)
        self.session = Session(self.connection, user, password, require_encryption=False)
        self.session.connect()
        self.tree = TreeConnect(self.session, rf"\\{HOST}\{share}")
        self.tree.connect(require_secure_negotiate=False)

    def open(self, name, *contexts, oplock=NONE, share=ALL, access=READ_WRITE_DELETE, disposition=None, options=0):
        """-> (the open, the data of the response's create contexts by name)"""
        file = Open(self.tree, name)
        if disposition is None:
            disposition = CreateDisposition.FILE_OPEN_IF
        answers = file.create(
            ImpersonationLevel.Impersonation, access, FileAttributes.FILE_ATTRIBUTE_NORMAL, share, disposition,
            CreateOptions.FILE_NON_DIRECTORY_FILE | options, list(contexts) or None, oplock)
        return file, answers or []

    def lock(self, file, flags, offset=0, length=10):
        element = SMB2LockElement()
        element["offset"], element["length"], element["flags"] = offset, length, flags
        request = SMB2LockRequest()
        request["file_id"] = file.file_id
        request["locks"] = [element]
        self.connection.receive(self.connection.send(request, self.session.session_id, self.tree.tree_connect_id))

    def control(self, file, code, data):
        request = SMB2IOCTLRequest()
        request["ctl_code"], request["file_id"], request["buffer"] = code, file.file_id, data
        request["flags"] = IOCTLFlags.SMB2_0_IOCTL_IS_FSCTL
        self.connection.receive(self.connection.send(request, self.session.session_id, self.tree.tree_connect_id))

    def cut(self):
        """The connection is gone without a word."""
        self.connection.disconnect(close=False)


def context(name, data):
    request = SMB2CreateContextRequest()
    request["buffer_name"], request["buffer_data"] = name, data
    return request


def durable_request(guid, timeout=0):
    return context(b"DH2Q", struct.pack("<II8x16s", timeout, 0, guid.bytes_le))


def durable_reconnect(file, guid):
    return context(b"DH2C", file.file_id + guid.bytes_le + bytes(4))


def first_request():
    return context(b"DHnQ", bytes(16))


def first_reconnect(file):
    return context(b"DHnC", file.file_id)


def lease(key, state=7, version=2):
    return context(b"RqLs", struct.pack("<16sIIQ", key.bytes_le, state, 0, 0) + (bytes(20) if version == 2 else b""))


def instance(identifier, version=None):
    contexts = [context(bytes.fromhex("45BCA66AEFA7F74A9008FA462E144D74"), struct.pack("<HH", 20, 0) + identifier.bytes_le)]
    if version is not None:
        contexts.append(context(
            bytes.fromhex("B982D0B73B56074FA07B524A8116A010"), struct.pack("<HHIQQ", 24, 0, 0, *version)))
    return contexts


@contextlib.contextmanager
def replaying():
    """Requests carry SMB2_FLAGS_REPLAY_OPERATION."""
    original = smbprotocol.connection.SMB2HeaderRequest

    class Replayed(original):
        def __init__(self):
            super().__init__()
            self["flags"].set_flag(REPLAY_OPERATION)

    smbprotocol.connection.SMB2HeaderRequest = Replayed
    try:
        yield
    finally:
        smbprotocol.connection.SMB2HeaderRequest = original


def refused(status, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except SMBResponseException as error:
        assert error.status == status, f"wanted {status:#x}, got {error}"
        return
    raise AssertionError(f"wanted {status:#x}, and it went well")


def granted_timeout(answers):
    """Of a DH2Q response, in milliseconds; None if there is none."""
    for answer in answers:
        data = answer if isinstance(answer, bytes) else answer.pack()
        if len(data) == 8:
            return struct.unpack_from("<I", data)[0]
    return None


def same_machine(client, **changes):
    return Client(**{"guid": client.guid, **changes})


def timeouts():
    client = Client()
    for asked, told in ((0, 180_000), (1, 1), (20_000, 20_000), (0xFFFF_FFFF, 300_000)):
        file, answers = client.open("timeouts", durable_request(uuid.uuid4(), asked), oplock=BATCH)
        assert granted_timeout(answers) == told, (asked, granted_timeout(answers))
        file.close()
    _, answers = client.open("timeouts", durable_request(uuid.uuid4()), oplock=NONE)
    assert granted_timeout(answers) is None, "durable without anything cached"
    client.cut()


def nothing_is_lost():
    client, guid = Client(), uuid.uuid4()
    file, _ = client.open("kept", durable_request(guid), oplock=BATCH)
    file.write(b"before the cut", 0)
    client.lock(file, LockFlags.SMB2_LOCKFLAG_EXCLUSIVE_LOCK)
    client.cut()
    back = same_machine(client)
    again, answers = back.open("whatever", durable_reconnect(file, guid))
    assert again.oplock_level == BATCH and again.end_of_file == 14 and granted_timeout(answers) is None
    assert again.file_id[:8] == file.file_id[:8] and again.file_id[8:] != file.file_id[8:]
    assert again.read(0, 14) == b"before the cut"
    back.lock(again, LockFlags.SMB2_LOCKFLAG_UNLOCK)
    refused(FILE_CLOSED, again.connection.receive, back.connection.send(
        close_request(file), back.session.session_id, back.tree.tree_connect_id))
    again.close()
    # Closed is closed.
    refused(NAME_NOT_FOUND, back.open, "kept", durable_reconnect(again, guid))
    back.cut()


def close_request(file):
    request = SMB2CloseRequest()
    request["file_id"] = file.file_id
    return request


def no_stranger():
    client, guid = Client(), uuid.uuid4()
    for request, reconnect in ((durable_request(guid), lambda file: durable_reconnect(file, guid)),
                               (first_request(), first_reconnect)):
        file, _ = client.open("mine", request, oplock=BATCH, share=0)
        client.cut()
        stranger = Client(USER2, PASS2, guid=client.guid)
        refused(ACCESS_DENIED, stranger.open, "mine", reconnect(file))
        guest = Client("nobody-known", "nothing", guid=client.guid, share="other", signing=False)
        refused(ACCESS_DENIED, guest.open, "mine", reconnect(file))
        stranger.cut()
        guest.cut()
        client = same_machine(client)
        refused(NAME_NOT_FOUND, client.open, "mine", durable_reconnect(file, uuid.uuid4()))
        elsewhere = same_machine(client, share="other")
        refused(NAME_NOT_FOUND, elsewhere.open, "mine", reconnect(file))
        elsewhere.cut()
        file, _ = client.open("mine", reconnect(file))
        file.close()
    client.cut()


def no_guest():
    guest = Client("nobody-known", "nothing", share="other", signing=False)
    file, answers = guest.open("guest's", durable_request(uuid.uuid4()), oplock=BATCH)
    assert file.oplock_level == BATCH and granted_timeout(answers) is None
    guest.cut()


def no_active_handle():
    """CVE-2026-23427: a replay on another connection must not take an open over that is in use."""
    client, guid = Client(), uuid.uuid4()
    file, _ = client.open("active", durable_request(guid), oplock=BATCH)
    for user, password in ((USER1, PASS1), (USER2, PASS2)):
        thief = Client(user, password, guid=client.guid)
        refused(NAME_NOT_FOUND, thief.open, "active", durable_reconnect(file, guid))
        refused(DUPLICATE_OBJECT_ID, thief.open, "active", durable_request(guid), oplock=BATCH)
        with replaying():
            refused(DUPLICATE_OBJECT_ID, thief.open, "active", durable_request(guid), oplock=BATCH)
        thief.cut()
    with replaying():
        again, answers = client.open("active", durable_request(guid), oplock=BATCH)
    assert again.file_id == file.file_id and granted_timeout(answers) == 180_000
    file.write(b"still mine", 0)
    client.cut()
    # Away, it is found by a replay as well, but not by a stranger's.
    client = same_machine(client)
    fresh = uuid.uuid4()
    file, _ = client.open("away", durable_request(fresh), oplock=BATCH)
    client.cut()
    stranger = Client(USER2, PASS2, guid=client.guid)
    with replaying():
        refused(ACCESS_DENIED, stranger.open, "away", durable_request(fresh), oplock=BATCH)
    back = same_machine(client)
    with replaying():
        again, _ = back.open("away", durable_request(fresh), oplock=BATCH)
    assert again.file_id[:8] == file.file_id[:8]
    again.close()
    back.cut()
    stranger.cut()


def no_wrong_cache():
    """CVE-2026-89635: an open comes back with the oplock or lease that it had, and under no other."""
    client, guid, key = Client(), uuid.uuid4(), uuid.uuid4()
    file, _ = client.open("leased", durable_request(guid), lease(key), oplock=LEASE)
    client.cut()
    reconnect = durable_reconnect(file, guid)
    other = Client()
    refused(NAME_NOT_FOUND, other.open, "leased", reconnect, lease(key), oplock=LEASE)
    other.cut()
    back = same_machine(client)
    refused(NAME_NOT_FOUND, back.open, "leased", reconnect)
    refused(NAME_NOT_FOUND, back.open, "leased", reconnect, oplock=BATCH)
    refused(NAME_NOT_FOUND, back.open, "leased", reconnect, lease(uuid.uuid4()), oplock=LEASE)
    refused(NAME_NOT_FOUND, back.open, "leased", reconnect, lease(key, version=1), oplock=LEASE)
    refused(INVALID_PARAMETER, back.open, "another", reconnect, lease(key), oplock=LEASE)
    with replaying():
        refused(NAME_NOT_FOUND, back.open, "leased", durable_request(guid), oplock=BATCH)
    again, _ = back.open("LEASED", reconnect, lease(key, state=0), oplock=LEASE)
    again.close()
    file, _ = back.open("batch", durable_request(guid), oplock=BATCH)
    back.cut()
    back = same_machine(back)
    refused(NAME_NOT_FOUND, back.open, "batch", durable_reconnect(file, guid), lease(key), oplock=LEASE)
    back.open("batch", durable_reconnect(file, guid))[0].close()
    back.cut()


def nobody_waits():
    """An open whose client is away gives way at once."""
    client, other, guid, key = Client(), Client(), uuid.uuid4(), uuid.uuid4()
    for contexts, oplock in (([durable_request(guid)], BATCH), ([durable_request(guid), lease(key)], LEASE)):
        file, _ = client.open("wanted", *contexts, oplock=oplock, share=0)
        client.cut()
        start = time.monotonic()
        taken, _ = other.open("wanted", share=0)
        assert time.monotonic() - start < 2
        taken.close()
        client = same_machine(client)
        refused(NAME_NOT_FOUND, client.open, "wanted", durable_reconnect(file, guid), *contexts[1:], oplock=oplock)
    client.cut()
    other.cut()


def deleted_when_time_is_over():
    client, other, guid = Client(), Client(), uuid.uuid4()
    delete = CreateOptions.FILE_DELETE_ON_CLOSE
    client.open("short lived", durable_request(guid, 1000), oplock=BATCH, options=delete)
    client.cut()
    # Whoever looks on disk sees it as long as its client may come back, and no longer.
    probe = Access.FILE_READ_ATTRIBUTES
    kept, _ = other.open("short lived", access=probe, disposition=CreateDisposition.FILE_OPEN)
    kept.close()
    time.sleep(2.5)
    refused(NAME_NOT_FOUND, other.open, "short lived", access=probe, disposition=CreateDisposition.FILE_OPEN)
    # One that gives way takes its file along, and the newcomer makes another.
    client = same_machine(client)
    file, _ = client.open("short lived", durable_request(guid), oplock=BATCH, options=delete)
    file.write(b"old", 0)
    client.cut()
    fresh, _ = other.open("short lived")
    assert fresh.create_action == 2 and fresh.end_of_file == 0, (fresh.create_action, fresh.end_of_file)
    fresh.close()
    other.cut()


def resilient():
    client, other, stranger = Client(), Client(), Client(USER2, PASS2)
    file, _ = client.open("resilient", share=ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE)
    code = 0x001401D4
    refused(INVALID_PARAMETER, client.control, file, code, bytes(7))
    refused(INVALID_PARAMETER, client.control, file, code, struct.pack("<II", 300_001, 0))
    client.control(file, code, struct.pack("<II", 60_000, 0))
    client.lock(file, LockFlags.SMB2_LOCKFLAG_EXCLUSIVE_LOCK)
    client.cut()
    # It holds everything while its client is away, whoever asks.
    share = ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE
    refused(SHARING_VIOLATION, other.open, "resilient", share=share)
    there, _ = other.open("resilient", access=Access.GENERIC_READ | Access.GENERIC_WRITE)
    immediately = LockFlags.SMB2_LOCKFLAG_EXCLUSIVE_LOCK | LockFlags.SMB2_LOCKFLAG_FAIL_IMMEDIATELY
    refused(LOCK_NOT_GRANTED, other.lock, there, immediately)
    refused(ACCESS_DENIED, stranger.open, "resilient", first_reconnect(file))
    back = same_machine(client)
    again, _ = back.open("resilient", first_reconnect(file))
    refused(LOCK_NOT_GRANTED, other.lock, there, immediately)
    back.lock(again, LockFlags.SMB2_LOCKFLAG_UNLOCK)
    other.lock(there, immediately)
    # Its time over, nothing is left of it.
    back.control(again, code, struct.pack("<II", 500, 0))
    back.cut()
    time.sleep(1.5)
    other.open("resilient", share=ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_READ)[0].close()
    back = same_machine(client)
    refused(NAME_NOT_FOUND, back.open, "resilient", first_reconnect(again))
    back.cut()
    other.cut()


def instances():
    identifier = uuid.uuid4()
    first, second = Client(), Client()
    guids = [uuid.uuid4() for _ in range(6)]
    old, _ = first.open("instance", durable_request(guids[0]), *instance(identifier, (2, 5)), oplock=BATCH, share=0)
    for version in ((1, 9), (2, 4), (2, 5)):
        refused(FORCED_CLOSED, second.open, "instance", durable_request(guids[1]), *instance(identifier, version),
                oplock=BATCH, share=0)
    old.write(b"not yet", 0)
    new, _ = second.open("instance", durable_request(guids[2]), *instance(identifier, (2, 6)), oplock=BATCH, share=0)
    refused(FILE_CLOSED, old.write, b"too late", 0)
    # One that is away is taken over too, and without a version by whoever knows the name.
    second.cut()
    third = Client()
    newest, _ = third.open("instance", durable_request(guids[3]), *instance(identifier), oplock=BATCH, share=0)
    assert newest.create_action == 1 and newest.read(0, 7) == b"not yet"
    back = same_machine(second)
    refused(NAME_NOT_FOUND, back.open, "instance", durable_reconnect(new, guids[2]))
    for client in (first, third, back):
        client.cut()


def malformed():
    client, guid = Client(), uuid.uuid4()
    file, _ = client.open("malformed", durable_request(guid), oplock=BATCH)
    client.cut()
    client = same_machine(client)
    whole = {b"DHnQ": bytes(16), b"DHnC": file.file_id, b"DH2Q": bytes(16) + guid.bytes_le,
             b"DH2C": file.file_id + guid.bytes_le + bytes(4)}
    for name, data in whole.items():
        for wrong in (b"", data[:-1], data + b"\0"):
            refused(INVALID_PARAMETER, client.open, "malformed", context(name, wrong), oplock=BATCH)
    for pair in ((b"DHnQ", b"DH2Q"), (b"DHnQ", b"DH2C"), (b"DHnC", b"DH2Q"), (b"DHnC", b"DH2C"), (b"DH2Q", b"DH2C")):
        refused(INVALID_PARAMETER, client.open, "malformed", *(context(name, whole[name]) for name in pair), oplock=BATCH)
    # The first version's request beside its reconnect says nothing.
    client.open("malformed", first_request(), first_reconnect(file))[0].close()
    client.cut()


def older_dialects():
    for dialect in (Dialects.SMB_2_0_2, Dialects.SMB_2_1_0):
        client = Client(dialect=dialect)
        file, answers = client.open("old", durable_request(uuid.uuid4()), oplock=BATCH)
        assert granted_timeout(answers) is None, "the second version in an old dialect"
        file.close()
        file, answers = client.open("old", first_request(), oplock=BATCH)
        assert granted_timeout(answers) == 0
        client.cut()
        back = same_machine(client, dialect=dialect)
        back.open("old", first_reconnect(file))[0].close()
        back.cut()


check("durable: as long as was asked for, within bounds, and only where a handle is cached", timeouts)
check("durable: data, lock and oplock are there after the connection was cut", nothing_is_lost)
check("durable: no other user, guest, create GUID or share gets the handle (CVE-2026-31717)", no_stranger)
check("durable: a guest's handle ends with its connection", no_guest)
check("replay: a handle in use is not taken over (CVE-2026-23427)", no_active_handle)
check("durable: no handle comes back under another oplock or lease (CVE-2026-89635)", no_wrong_cache)
check("durable: nobody waits for a client that is away", nobody_waits)
check("durable: delete on close happens when the time is over, or somebody wants the file", deleted_when_time_is_over)
check("resilient: locks and share mode hold while the client is away, and end in time", resilient)
check("application instances: newer ones take over, older ones are refused", instances)
check("durable: contexts of a wrong size, or that exclude each other, are refused", malformed)
check("durable: the first version in 2.0.2 and 2.1", older_dialects)
done()
