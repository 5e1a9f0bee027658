"""Samba's client library by its Python bindings: what the POSIX extensions, reparse points and newer information classes do.

Run in the root of lab/peers. Environment as tap.py's, SERVER_KIND, and a file of settings for the library in SETTINGS.
"""
import os
import struct

from samba import NTSTATUSError, credentials, ntstatus, reparse_symlink
from samba.dcerpc import security
from samba.samba3 import libsmb_samba_internal as libsmb
from samba.samba3 import param

from tap import HOST, PASS1, SHARE, USER1, check, done

IS_APUS = os.environ["SERVER_KIND"] == "apus"
READ, WRITE, APPEND = security.SEC_FILE_READ_DATA, security.SEC_FILE_WRITE_DATA, security.SEC_FILE_APPEND_DATA
ATTRIBUTES, DELETE = security.SEC_FILE_WRITE_ATTRIBUTE | security.SEC_FILE_READ_ATTRIBUTE, security.SEC_STD_DELETE
RENAME_EX, DISPOSITION_EX, LINK_EX = 65, 64, 72


def connection(posix=False, share=SHARE):
    settings = param.get_context()
    settings.load(os.environ["SETTINGS"])
    who = credentials.Credentials()
    who.guess(settings)
    who.set_domain("WORKGROUP")
    who.set_username(USER1)
    who.set_password(PASS1)
    return libsmb.Conn(HOST, share, settings, who, posix=posix)


def fails(status, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except NTSTATUSError as error:
        assert error.args[0] == status, f"wanted {status:#x}, got {error.args[0]:#x}"
        return error
    raise AssertionError(f"wanted {status:#x}, and it went well")


def make(conn, name, access=READ | WRITE | DELETE, disposition=libsmb.FILE_CREATE, options=0, attributes=0):
    return conn.create(name, DesiredAccess=access, ShareAccess=7, CreateDisposition=disposition, CreateOptions=options,
                       FileAttributes=attributes)


def make_posix(conn, name, access, disposition=libsmb.FILE_CREATE):
    mode = libsmb.unix_mode_to_wire(0o644).to_bytes(4, "little")
    return conn.create_ex(name, DesiredAccess=access, ShareAccess=7, CreateDisposition=disposition,
                          CreateContexts=[(libsmb.SMB2_CREATE_TAG_POSIX, mode)])[0]


def names(conn, mask):
    try:
        return [entry["name"] for entry in conn.list("", mask=mask)]
    except NTSTATUSError as error:
        assert error.args[0] == ntstatus.NT_STATUS_NO_SUCH_FILE
        return []


def appending():
    plain, posix = connection(), connection(posix=True)
    log = make_posix(posix, "log", READ | APPEND)
    other = make(plain, "log", WRITE, libsmb.FILE_OPEN)
    plain.write(other, buffer=b"hello", offset=0)
    fails(ntstatus.NT_STATUS_INVALID_PARAMETER, posix.write, log, buffer=b"world", offset=0)
    posix.write(log, buffer=b" world", offset=libsmb.VFS_PWRITE_APPEND_OFFSET)
    fails(ntstatus.NT_STATUS_INVALID_PARAMETER, plain.write, other, buffer=b"x", offset=libsmb.VFS_PWRITE_APPEND_OFFSET)
    assert posix.read(log, 0, 100) == b"hello world"
    posix.close(log)
    plain.close(other)


def turned_off():
    """smb3 unix extensions = no, of one share: the client may ask, and gets what everybody gets."""
    for share, has_them in (SHARE, True), ("nt", False):
        conn = connection(posix=True, share=share)
        mode = libsmb.unix_mode_to_wire(0o644).to_bytes(4, "little")
        contexts = [(libsmb.SMB2_CREATE_TAG_POSIX, mode)]
        file, _, answers = conn.create_ex("Case", DesiredAccess=READ | DELETE, ShareAccess=7, CreateContexts=contexts,
                                          CreateDisposition=libsmb.FILE_CREATE)
        assert (libsmb.SMB2_CREATE_TAG_POSIX in [tag for tag, _ in answers]) == has_them, (share, answers)
        other = dict(DesiredAccess=READ, ShareAccess=7, CreateContexts=contexts, CreateDisposition=libsmb.FILE_CREATE)
        if has_them:
            conn.close(conn.create_ex("CASE", **other)[0])
        else:
            fails(ntstatus.NT_STATUS_OBJECT_NAME_COLLISION, conn.create_ex, "CASE", **other)
        conn.close(file)


def doomed_by_windows():
    plain, posix = connection(), connection(posix=True)
    doomed = make(plain, "doomed", ATTRIBUTES | DELETE)
    kept = make_posix(posix, "doomed", READ | DELETE, libsmb.FILE_OPEN)
    plain.delete_on_close(doomed, 1)
    posix.delete_on_close(kept, 1)
    plain.close(doomed)
    assert names(plain, "doomed") == []
    posix.close(kept)


def posix_disposition():
    conn = connection()
    kept, doomed = make(conn, "free"), make(conn, "free", DELETE, libsmb.FILE_OPEN)
    conn.write(kept, buffer=b"data", offset=0)
    conn.sfileinfo(doomed, libsmb.SMB2_0_INFO_FILE, DISPOSITION_EX, struct.pack("<I", 3))
    fails(ntstatus.NT_STATUS_DELETE_PENDING, make, conn, "free", READ, libsmb.FILE_OPEN)
    conn.close(doomed)
    new = make(conn, "free")
    assert conn.read(kept, 0, 10) == b"data"
    conn.close(kept)
    conn.close(new)
    assert names(conn, "free") == ["free"]


def new_name(flags, name):
    raw = name.encode("utf-16-le")
    return struct.pack("<IIQI", flags, 0, 0, len(raw)) + raw + bytes(4)


def read_only_target():
    conn = connection()
    for kind in RENAME_EX, LINK_EX:
        source = make(conn, f"source{kind}")
        conn.close(make(conn, f"target{kind}", attributes=libsmb.FILE_ATTRIBUTE_READONLY))

        def named(flags):
            conn.sfileinfo(source, libsmb.SMB2_0_INFO_FILE, kind, new_name(flags, f"target{kind}"))

        fails(ntstatus.NT_STATUS_OBJECT_NAME_COLLISION, named, 0)
        fails(ntstatus.NT_STATUS_ACCESS_DENIED, named, 0x1)
        named(0x41)
        conn.close(source)


def link_of_windows():
    """Kept for clients, and not for local programs."""
    conn = connection()
    link = make(conn, "Link", ATTRIBUTES | DELETE)
    conn.fsctl(link, libsmb.FSCTL_SET_REPARSE_POINT, reparse_symlink.symlink_put("some\\where", "shown", 0, 1), 0)
    conn.close(link)
    fails(ntstatus.NT_STATUS_STOPPED_ON_SYMLINK, make, conn, "Link", READ, libsmb.FILE_OPEN)
    if IS_APUS:
        fails(ntstatus.NT_STATUS_STOPPED_ON_SYMLINK, make, conn, "Link\\below", READ, libsmb.FILE_OPEN)
    entry, = conn.list("", mask="Link")
    assert entry["reparse_tag"] == libsmb.IO_REPARSE_TAG_SYMLINK
    opened = make(conn, "Link", ATTRIBUTES | DELETE, libsmb.FILE_OPEN, libsmb.FILE_OPEN_REPARSE_POINT)
    buffer = conn.fsctl(opened, libsmb.FSCTL_GET_REPARSE_POINT, b"", 1024)
    assert "some\\where".encode("utf-16-le") in buffer and "shown".encode("utf-16-le") in buffer, buffer
    conn.delete_on_close(opened, 1)
    conn.close(opened)


def beneath_a_mount_point():
    conn = connection()
    folder = make(conn, "mount", ATTRIBUTES | DELETE, options=libsmb.FILE_DIRECTORY_FILE)
    conn.fsctl(folder, libsmb.FSCTL_SET_REPARSE_POINT, reparse_symlink.put(0x80000025, 0, b"anything"), 0)
    for disposition in libsmb.FILE_OPEN, libsmb.FILE_CREATE:
        fails(ntstatus.NT_STATUS_IO_REPARSE_TAG_NOT_HANDLED, make, conn, "mount\\file", READ, disposition)
    conn.delete_on_close(folder, 1)
    conn.close(folder)


check("samba: O_APPEND of the POSIX extensions", appending)
check("samba: a handle of Linux keeps no name that Windows deletes", doomed_by_windows)
check("samba: symbolic links of Windows", link_of_windows)
check("samba: smb3 unix extensions = no, of a share", turned_off)
if IS_APUS:  # smbd 4.25 does not know these classes, and keeps no reparse points on folders
    check("samba: nothing is opened or made beneath a folder that stands for something else", beneath_a_mount_point)
    check("samba: FILE_DISPOSITION_POSIX_SEMANTICS", posix_disposition)
    check("samba: FILE_RENAME_ and FILE_LINK_IGNORE_READONLY_ATTRIBUTE", read_only_target)
done()
