"""What strangers on the link send to the discovery process: bounded, and never answered with more than it is worth."""
import http.client
import re
import socket
import sys
import time

SERVER, GROUP = sys.argv[1], ("239.255.255.250", 3702)
PROBE = """<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:p="http://schemas.xmlsoap.org/ws/2006/02/devprof"><s:Header><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>
 <a:MessageID>urn:uuid:{id}</a:MessageID></s:Header><s:Body><d:Probe><d:Types>p:Device</d:Types></d:Probe>{more}</s:Body></s:Envelope>"""


def asker(address):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.98.0.2"))
    s.bind((address, 0))
    return s


def answers(s, seconds):
    """All that comes."""
    found, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            found.append(s.recvfrom(65536))
        except socket.timeout:
            break
    return found


def probe(s, to=GROUP, more="", seconds=1.0):
    s.sendto(PROBE.format(id=time.monotonic(), more=more).encode(), to)
    return answers(s, seconds)


neighbour = asker("10.98.0.2")
[(answer, source)] = probe(neighbour)
assert source == (SERVER, 3702), source
path = re.search(rb"<wsd:XAddrs>http://10\.98\.0\.1:5357(/[-0-9a-f]+)</wsd:XAddrs>", answer).group(1).decode()

# No neighbour; to the server alone, as from the Internet; too long; not to the end; not XML.
assert not probe(asker("203.0.113.9"))
assert not probe(neighbour, to=(SERVER, 3702))
assert not probe(neighbour, more="<!-- " + "x" * 4096 + " -->")
good = PROBE.format(id="1", more="").encode()
for bad in (good[:-20], b"", b"\0" * 1000, good.replace(b"<s:Body>", b"<!DOCTYPE a>"), b"<a>" * 500):
    neighbour.sendto(bad, GROUP)
assert not answers(neighbour, 1)
assert len(probe(neighbour)) == 1

# 3,000 questions in a second or so: most are lost, and afterwards all is as before.
for number in range(3000):
    neighbour.sendto(PROBE.format(id=number, more="").encode(), GROUP)
taken = len(answers(neighbour, 2))
assert 0 < taken < 700, taken
time.sleep(3)
answers(neighbour, 1)
assert len(probe(neighbour)) == 1


def fetch(path, body, method="POST"):
    connection = http.client.HTTPConnection(SERVER, 5357, timeout=5)
    connection.request(method, path, body, {"Content-Type": "application/soap+xml"})
    answer = connection.getresponse()
    return answer.status, answer.read()


GET = good.replace(b"2005/04/discovery/Probe<", b"2004/09/transfer/Get<")
status, metadata = fetch(path, GET)
assert status == 200 and b"Workgroup:WORKGROUP</pub:Computer>" in metadata, (status, metadata)
assert fetch("/other", GET)[0] == 404
assert fetch(path, b"nonsense")[0] == 400
assert fetch(path, b"x" * 5000)[0] == 413
assert fetch(path, None, "GET")[0] == 405
# Sixty who say nothing keep nobody away.
silent = [socket.create_connection((SERVER, 5357)) for _ in range(60)]
assert fetch(path, GET)[0] == 200
for s in silent:
    s.close()
