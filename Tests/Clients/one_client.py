"""One client of the server under test, by smbprotocol: a connection, a session, a tree connect."""
import queue
import struct
import uuid
from collections import OrderedDict

from smbprotocol.change_notify import SMB2ChangeNotifyRequest, SMB2ChangeNotifyResponse
from smbprotocol.connection import Capabilities, Connection, Dialects, Request
from smbprotocol.create_contexts import SMB2CreateContextRequest
from smbprotocol.exceptions import Cancelled, NotifyEnumDir
from smbprotocol.header import Commands, SMB2HeaderRequest
from smbprotocol.open import (
    CreateDisposition, CreateOptions, FileAttributes, FilePipePrinterAccessMask as Access, ImpersonationLevel, Open,
    ShareAccess, SMB2LockElement, SMB2LockRequest)
from smbprotocol.session import Session
from smbprotocol.structure import BytesField, Structure
from smbprotocol.tree import TreeConnect

from tap import HOST, PASS1, PORT, SHARE, USER1

ALL = ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE
READ, HANDLE, WRITE = 1, 2, 4
LEASE = 0xFF
UNASKED = 0xFFFFFFFFFFFFFFFF


class Unasked(Request):
    """Stands where smbprotocol looks for the request of a message that answers none: collects breaks."""

    def __init__(self, connection):
        self.breaks = queue.Queue()
        super().__init__(SMB2HeaderRequest(), None, connection)

    @property
    def response(self):
        return None

    @response.setter
    def response(self, header):
        if header is not None:
            self.breaks.put(header["data"].get_value())


class Acknowledgment(Structure):
    """SMB2 LEASE_BREAK Acknowledgment, whole"""
    COMMAND = Commands.SMB2_OPLOCK_BREAK

    def __init__(self):
        self.fields = OrderedDict([("data", BytesField(size=36))])
        super().__init__()


class OneClient:
    def __init__(self, user=USER1, password=PASS1, share=SHARE):
        self.connection = Connection(uuid.uuid4(), HOST, PORT, require_signing=True)
        self.connection.client_capabilities |= (
            Capabilities.SMB2_GLOBAL_CAP_LEASING | Capabilities.SMB2_GLOBAL_CAP_DIRECTORY_LEASING)
        self.connection.connect(Dialects.SMB_3_1_1)
        self.session = Session(self.connection, user, password, require_encryption=False)
        self.session.connect()
        self.tree = TreeConnect(self.session, rf"\\{HOST}\{share}")
        self.tree.connect(require_secure_negotiate=False)
        self.unasked = Unasked(self.connection)
        self.connection.outstanding_requests[UNASKED] = self.unasked

    def open(self, name, access=Access.GENERIC_READ, disposition=CreateDisposition.FILE_OPEN, share=ALL, folder=False,
             options=0, lease=None, key=None, level=0):
        """-> the open; with a lease, `lease_state` of it says what was granted."""
        contexts = None
        if lease is not None:
            context = SMB2CreateContextRequest()
            context["buffer_name"] = b"RqLs"
            context["buffer_data"] = struct.pack("<16sIIQ16sHH", key or uuid.uuid4().bytes, lease, 0, 0, bytes(16), 0, 0)
            contexts, level = [context], LEASE
        kind = CreateOptions.FILE_DIRECTORY_FILE if folder else CreateOptions.FILE_NON_DIRECTORY_FILE
        file = Open(self.tree, name)
        answers = file.create(
            ImpersonationLevel.Impersonation, access, FileAttributes.FILE_ATTRIBUTE_NORMAL, share, disposition,
            kind | options, contexts, level)
        file.lease_state = None
        for answer in answers or []:
            if hasattr(answer, "fields") and "lease_state" in answer.fields:
                file.lease_state = answer["lease_state"].get_value()
        return file

    def send(self, request):
        return self.connection.send(request, self.session.session_id, self.tree.tree_connect_id)

    def watch(self, folder, filter=0xFFF, tree=False, length=65536):
        """-> a request that waits; `changes` gives what it was told."""
        request = SMB2ChangeNotifyRequest()
        request["flags"], request["output_buffer_length"] = int(tree), length
        request["file_id"], request["completion_filter"] = folder.file_id, filter
        return self.send(request)

    def changes(self, request, timeout=5):
        """-> [(action, name)]; None if nothing happens in time; "enumerate" for more than there was room for"""
        try:
            answer = self.connection.receive(request, timeout=timeout, wait=True)
        except NotifyEnumDir:
            return "enumerate"
        except Cancelled:
            return None
        except Exception as error:
            if "timeout" in str(error).lower():
                return None
            raise
        response = SMB2ChangeNotifyResponse()
        response.unpack(answer["data"].get_value())
        data, told = response["buffer"].get_value(), []
        while data:
            following, action, length = struct.unpack_from("<III", data)
            told.append((ACTIONS[action], data[12:12 + length].decode("utf-16-le")))
            data = data[following:] if following else b""
        return told

    def next_break(self, timeout=5):
        """-> ("lease", key, from, to) or ("oplock", level); None if none comes"""
        try:
            data = self.unasked.breaks.get(timeout=timeout)
        except queue.Empty:
            return None
        if len(data) >= 44:
            return ("lease", data[8:24], *struct.unpack_from("<II", data, 24))
        return ("oplock", data[2])

    def acknowledge(self, key, state):
        request = Acknowledgment()
        request["data"] = struct.pack("<HHI16sIQ", 36, 0, 0, key, state, 0)
        self.connection.receive(self.send(request))

    def lock(self, file, offset, length, flags):
        element = SMB2LockElement()
        element["offset"], element["length"], element["flags"] = offset, length, flags
        request = SMB2LockRequest()
        request["file_id"], request["locks"] = file.file_id, [element]
        self.connection.receive(self.send(request))


ACTIONS = {1: "added", 2: "removed", 3: "modified", 4: "old", 5: "new"}
