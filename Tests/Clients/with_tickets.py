"""Tickets that a server must refuse: used twice, changed, expired; see 41-kerberos. TICKET, SHORT_TICKET: caches."""
import io
import os
import time

from impacket import smb3
from impacket.krb5.ccache import CCache
from impacket.smbconnection import SMBConnection, SessionError

from tap import HOST, PORT, SHARE, check, done, expect_error

SERVICE = "cifs/files.apus.test@APUS.TEST"
TICKET_LIFETIME, CLOCK_SKEW = 4, 5
began = time.monotonic()


def ticket(cache):
    return CCache.loadFile(os.environ[cache]).getCredential(SERVICE, anySPN=False).toTGS()


def login(cache="TICKET"):
    connection = SMBConnection("files.apus.test", HOST, sess_port=PORT)
    connection.kerberosLogin("alice", "", "APUS.TEST", TGS=ticket(cache), useCache=False)
    return connection


def tokens(change):
    """Logs in with what `change` makes of each token."""
    original = smb3.SPNEGO_NegTokenInit.getData
    smb3.SPNEGO_NegTokenInit.getData = lambda self: change(original(self))
    try:
        login()
    finally:
        smb3.SPNEGO_NegTokenInit.getData = original


def goes_well():
    connection = login()
    connection.putFile(SHARE, "ticket", io.BytesIO(b"t" * 1000).read)
    connection.deleteFile(SHARE, "ticket")
    connection.logoff()


def replayed():
    seen = []
    tokens(lambda token: seen.append(token) or token)
    expect_error("STATUS_LOGON_FAILURE", tokens, lambda _: seen[0])


def changed():
    """A bit in the authenticator, the last part of the token."""
    expect_error("STATUS_LOGON_FAILURE", tokens, lambda token: token[:-8] + bytes([token[-8] ^ 1]) + token[-7:])


def cut_short():
    for count in (1, 20, 60, 200):
        expect_error("STATUS_", tokens, lambda token: token[:count])


def expired():
    login("SHORT_TICKET")
    time.sleep(max(0, TICKET_LIFETIME + CLOCK_SKEW + 1.5 - (time.monotonic() - began)))
    expect_error("STATUS_LOGON_FAILURE", login, "SHORT_TICKET")


check("impacket logs in with a ticket", goes_well)
check("a token that was used is refused", replayed)
check("a changed token is refused", changed)
check("a token that is cut short is refused", cut_short)
check("an expired ticket is refused", expired)
check("impacket still logs in", goes_well)
done()
