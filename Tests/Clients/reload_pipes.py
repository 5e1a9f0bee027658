"""What a client holds of a named pipe outlives the control plane: handles, a bind, half a call.
Arguments: the admin socket, the binary."""
import subprocess
import sys

from impacket.dcerpc.v5 import lsad, lsat, samr, srvs, transport
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.smbconnection import SMBConnection

from tap import HOST, PASS1, PORT, USER1, check, done

ADMIN, APUS = sys.argv[1:3]
ROUNDS = 10


def reload():
    subprocess.run([APUS, "reload", "--socket", ADMIN], check=True, capture_output=True)


def bound(connection, pipe, interface):
    way = transport.SMBTransport(HOST, dstport=PORT, filename=pipe, smb_connection=connection)
    rpc = way.get_dce_rpc()
    rpc.connect()
    rpc.bind(interface)
    return rpc


class Client:
    def __init__(self):
        self.connection = SMBConnection(HOST, HOST, sess_port=PORT, timeout=30)
        self.connection.login(USER1, PASS1)
        self.samr = bound(self.connection, r"\samr", samr.MSRPC_UUID_SAMR)
        self.lsa = bound(self.connection, r"\lsarpc", lsat.MSRPC_UUID_LSAT)
        server = samr.hSamrConnect2(self.samr)["ServerHandle"]
        names = samr.hSamrEnumerateDomainsInSamServer(self.samr, server)["Buffer"]["Buffer"]
        name = next(each["Name"] for each in names if each["Name"].lower() != "builtin")
        self.sid = samr.hSamrLookupDomainInSamServer(self.samr, server, name)["DomainId"]
        self.server = server
        self.domain = samr.hSamrOpenDomain(self.samr, server, domainId=self.sid)["DomainHandle"]
        self.user_id = samr.hSamrLookupNamesInDomain(self.samr, self.domain, [USER1])["RelativeIds"]["Element"][0]["Data"]
        self.user = samr.hSamrOpenUser(self.samr, self.domain, userId=self.user_id)["UserHandle"]
        self.policy = lsad.hLsarOpenPolicy2(self.lsa)["PolicyHandle"]

    def asks(self):
        known = samr.hSamrQueryInformationUser(self.samr, self.user)["Buffer"]["General"]["UserName"]
        assert known == USER1, known
        sid = f"{self.sid.formatCanonical()}-{self.user_id}"
        found = lsat.hLsarLookupSids(self.lsa, self.policy, [sid])["TranslatedNames"]["Names"][0]["Name"]
        assert found == USER1, found
        another = samr.hSamrOpenUser(self.samr, self.domain, userId=self.user_id)["UserHandle"]
        reload()
        samr.hSamrCloseHandle(self.samr, another)
        return another


def each_outlives():
    for _ in range(ROUNDS):
        client.asks()


def closed_stays_closed():
    handle = client.asks()
    reload()
    try:
        samr.hSamrQueryInformationUser(client.samr, handle)
    except DCERPCException as error:
        assert "context_mismatch" in str(error), error
    else:
        raise AssertionError("a closed handle is good")
    client.asks()


def half_a_call():
    """Names of some kilobytes, a reload before every fragment."""
    way = client.lsa.get_rpc_transport()
    send, count = way.send, 0

    def send_after_reload(*arguments, **named):
        nonlocal count
        count += 1
        reload()
        return send(*arguments, **named)

    names = [USER1] + [f"nobody-{number}-{'x' * 40}" for number in range(20)]
    client.lsa.set_max_fragment_size(500)
    way.send = send_after_reload
    try:
        found = lsat.hLsarLookupNames(client.lsa, client.policy, names)
    except lsat.DCERPCSessionError as error:
        found = error.get_packet()
    finally:
        way.send = send
        client.lsa.set_default_max_fragment_size()
    assert count > 4, count
    assert found["TranslatedSids"]["Sids"][0]["RelativeId"] == client.user_id
    client.asks()


def long_answer():
    """More than one answer of the control plane, a reload before each part of it is read."""
    rpc = bound(client.connection, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
    way = rpc.get_rpc_transport()
    receive, count = way.recv, 0

    def receive_after_reload(*arguments, **named):
        nonlocal count
        count += 1
        # The client sees each fragment; those of the first answer are at hand already.
        if count % 6 == 1:
            reload()
        return receive(*arguments, **named)

    way.recv = receive_after_reload
    shares = srvs.hNetrShareEnum(rpc, 1)["InfoStruct"]["ShareInfo"]["Level1"]["Buffer"]
    assert len(shares) > 400 and count > 20, (len(shares), count)


client = Client()
check(f"handles outlive {ROUNDS} reloads", each_outlives)
check("what was closed stays closed", closed_stays_closed)
check("a call in fragments, with a reload before each", half_a_call)
check("a long answer, with reloads while it is read", long_answer)
done()
