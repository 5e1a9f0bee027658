"""impacket 0.13: every dialect it has, listing, reading, writing, errors, and what Windows tools written with it do."""
import io

from impacket.smb3structs import SMB2_DIALECT_002, SMB2_DIALECT_21, SMB2_DIALECT_30, SMB2_DIALECT_311
from impacket.smbconnection import SMBConnection

from tap import HOST, PASS1, PASS2, PORT, SHARE, USER1, USER2, check, done, expect_error

DATA = bytes(range(256)) * 4096 + b"end"


def connect(dialect=None, user=USER1, word=PASS1):
    connection = SMBConnection(HOST, HOST, sess_port=PORT, preferredDialect=dialect)
    connection.login(user, word)
    return connection


def everyday(dialect):
    connection = connect(dialect)
    assert dialect is None or connection.getDialect() == dialect
    connection.createDirectory(SHARE, "folder")
    connection.putFile(SHARE, "folder\\file.bin", io.BytesIO(DATA).read)
    back = io.BytesIO()
    connection.getFile(SHARE, "folder\\file.bin", back.write)
    assert back.getvalue() == DATA
    entries = {entry.get_longname(): entry for entry in connection.listPath(SHARE, "folder\\*")}
    assert set(entries) == {".", "..", "file.bin"}, entries
    assert entries["file.bin"].get_filesize() == len(DATA)
    assert entries["."].is_directory() and not entries["file.bin"].is_directory()
    connection.rename(SHARE, "folder\\file.bin", "folder\\Grüße.bin")
    assert "Grüße.bin" in {entry.get_longname() for entry in connection.listPath(SHARE, "folder\\*.bin")}
    connection.deleteFile(SHARE, "folder\\GRÜßE.BIN")
    connection.deleteDirectory(SHARE, "folder")
    expect_error("OBJECT_NAME_NOT_FOUND", connection.listPath, SHARE, "folder\\*")
    connection.logoff()
    connection.close()


def reads_and_writes_at_offsets():
    connection = connect()
    tree = connection.connectTree(SHARE)
    file = connection.createFile(tree, "sparse.bin")
    connection.writeFile(tree, file, b"abc", 1 << 20)
    assert connection.readFile(tree, file, (1 << 20) - 1, 4) == b"\0abc"
    connection.closeFile(tree, file)
    connection.deleteFile(SHARE, "sparse.bin")


def two_sessions_share_the_files():
    one, two = connect(), connect(user=USER2, word=PASS2)
    one.putFile(SHARE, "ours.txt", io.BytesIO(b"hello").read)
    back = io.BytesIO()
    two.getFile(SHARE, "ours.txt", back.write)
    assert back.getvalue() == b"hello"
    one.deleteFile(SHARE, "ours.txt")


def deleting_a_full_folder_is_refused():
    connection = connect()
    connection.createDirectory(SHARE, "full")
    connection.putFile(SHARE, "full\\one", io.BytesIO(b"1").read)
    expect_error("DIRECTORY_NOT_EMPTY", connection.deleteDirectory, SHARE, "full")
    connection.deleteFile(SHARE, "full\\one")
    connection.deleteDirectory(SHARE, "full")


def anonymous_sees_no_share():
    connection = SMBConnection(HOST, HOST, sess_port=PORT)
    try:
        connection.login("", "")
    except Exception:
        return  # refused outright: as good
    expect_error("ACCESS_DENIED", connection.connectTree, SHARE)


for label, dialect in [("2.0.2", SMB2_DIALECT_002), ("2.1", SMB2_DIALECT_21), ("3.0", SMB2_DIALECT_30),
                       ("3.1.1", SMB2_DIALECT_311), ("negotiated from SMB1", None)]:
    check(f"impacket {label}: log in, make, write, read, list, rename, delete", everyday, dialect)
check("impacket: reads and writes at offsets", reads_and_writes_at_offsets)
check("impacket: a second user sees the first one's file", two_sessions_share_the_files)
check("impacket: a full folder cannot be deleted", deleting_a_full_folder_is_refused)
check("impacket: a wrong password is refused", expect_error, "LOGON_FAILURE", connect, None, USER1, "wrong")
check("impacket: an unknown user is refused", expect_error, "LOGON_FAILURE", connect, None, "nobody-here", "x")
check("impacket: an unknown share is refused", lambda: expect_error("BAD_NETWORK_NAME", connect().connectTree, "nowhere"))
check("impacket: anonymous reaches no share", anonymous_sees_no_share)
done()
