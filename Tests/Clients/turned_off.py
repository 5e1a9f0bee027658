"""smbprotocol: what a share's lines turn off. Environment as tap.py's, SHARE_FOLDER, and FOLDERS with one for each share."""
import os
import time
import uuid

from smbprotocol.change_notify import CompletionFilter, FileSystemWatcher
from smbprotocol.connection import Connection, Dialects
from smbprotocol.create_contexts import CreateContextName, SMB2CreateContextRequest, SMB2CreateDurableHandleRequestV2
from smbprotocol.exceptions import SMBResponseException
from smbprotocol.open import (
    CreateDisposition, CreateOptions, FilePipePrinterAccessMask as Access, ImpersonationLevel, Open, RequestedOplockLevel,
    ShareAccess)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

from tap import HOST, PASS1, PORT, SHARE, USER1, check, done, expect_error

connection = Connection(uuid.uuid4(), HOST, PORT, require_signing=True)
connection.connect(Dialects.SMB_3_1_1)
session = Session(connection, USER1, PASS1)
session.connect()
trees = {}


def tree(share):
    if share not in trees:
        trees[share] = TreeConnect(session, rf"\\{HOST}\{share}")
        trees[share].connect()
    return trees[share]


def folder(share):
    return os.environ["SHARE_FOLDER"] if share == SHARE else os.path.join(os.environ["FOLDERS"], share)


def opened(share, name, access=Access.GENERIC_READ | Access.GENERIC_WRITE | Access.DELETE, options=0, oplock=0, contexts=None,
           disposition=CreateDisposition.FILE_OPEN_IF, attributes=0):
    file = Open(tree(share), name)
    answers = file.create(
        ImpersonationLevel.Impersonation, access, attributes,
        ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE, disposition, options,
        create_contexts=contexts, oplock_level=oplock)
    return file, answers or []


BATCH = RequestedOplockLevel.SMB2_OPLOCK_LEVEL_BATCH


def oplocks():
    for share, level in (SHARE, BATCH), ("oplocks", 0):
        file, _ = opened(share, "cached", oplock=BATCH)
        assert file.oplock_level == level, (share, file.oplock_level)
        file.close()


def durable():
    for share, is_granted in (SHARE, True), ("durable", False):
        wanted = SMB2CreateDurableHandleRequestV2()
        wanted["create_guid"] = uuid.uuid4()
        context = SMB2CreateContextRequest()
        context["buffer_name"] = CreateContextName.SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2
        context["buffer_data"] = wanted
        file, answers = opened(share, "kept", oplock=BATCH, contexts=[context])
        assert file.oplock_level == BATCH
        assert bool(answers) == is_granted, (share, answers)
        file.close()


def watching(share, change):
    """-> whether the change was told within two seconds"""
    watched, _ = opened(share, "", Access.GENERIC_READ, CreateOptions.FILE_DIRECTORY_FILE)
    watcher = FileSystemWatcher(watched)
    watcher.start(CompletionFilter.FILE_NOTIFY_CHANGE_FILE_NAME)
    time.sleep(0.3)
    change()
    told = watcher.response_event.wait(2)
    if not told:
        watcher.cancel()
    watched.close()
    return told


def local_changes():
    for share, is_told in (SHARE, True), ("kernelnotify", False):
        def change():
            open(os.path.join(folder(share), "local"), "w").close()
        assert watching(share, change) == is_told, share

    def client():
        opened("kernelnotify", "of a client")[0].close()
    assert watching("kernelnotify", client), "clients' changes are told all the same"


def notify():
    watched, _ = opened("notify", "", Access.GENERIC_READ, CreateOptions.FILE_DIRECTORY_FILE)
    watcher = FileSystemWatcher(watched)
    watcher.start(CompletionFilter.FILE_NOTIFY_CHANGE_FILE_NAME)
    assert watcher.response_event.wait(2)
    try:
        watcher.result
    except SMBResponseException as error:
        assert error.status == 0xC0000002, hex(error.status)  # STATUS_NOT_IMPLEMENTED
    else:
        raise AssertionError("it is watched")


def streams():
    opened(SHARE, "file:stream")[0].close()
    expect_error("STATUS_OBJECT_NAME_INVALID", opened, "streams", "file:stream")


def attributes():
    for share, is_kept in (SHARE, True), ("dosattributes", False):
        opened(share, "hidden", attributes=2, disposition=CreateDisposition.FILE_CREATE)[0].close()
        assert ("user.DOSATTRIB" in os.listxattr(os.path.join(folder(share), "hidden"))) == is_kept, share


def writing():
    expect_error("STATUS_ACCESS_DENIED", opened, "writing", "file")


check("oplocks = no: nothing is cached", oplocks)
check("durable handles = no: no handle waits for its client", durable)
check("kernel change notify = no: what local programs change is not told", local_changes)
check("change notify = no: nobody watches", notify)
check("streams = no: a file is all there is", streams)
check("store dos attributes = no: nothing is kept beside the file", attributes)
check("read only = yes: nobody writes", writing)
done()
