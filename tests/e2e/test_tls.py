"""TLS: which versions and ciphers, certificates taken anew under load, clients that must show one, wrong files at the start."""
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest
from conftest import Server, akin, binary, running, wait_for

ssl_openssl = shutil.which("openssl")
pytestmark = pytest.mark.skipif(not ssl_openssl, reason="openssl makes the certificates of these tests")


def openssl(*arguments):
    subprocess.run([ssl_openssl, *map(str, arguments)], check=True, capture_output=True)


def pair(folder, name, *, issuer=None, use=None):
    """A certificate for localhost, by itself or by `issuer`: (certificate, key)."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    extensions = ["-addext", f"extendedKeyUsage={use}"] if use else []
    signed = ["-CA", issuer[0], "-CAkey", issuer[1]] if issuer else []
    constraints = [] if issuer else ["-addext", "keyUsage=keyCertSign,digitalSignature"]
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 30, "-subj", f"/CN={name}",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", *constraints, *extensions, *signed, "-keyout", key, "-out", certificate)
    return certificate, key


class Place:
    """The files that a server reads, and what they may be changed for."""

    def __init__(self, folder):
        self.folder = folder
        self.first, self.second = pair(folder, "first"), pair(folder, "second")
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        self.put(self.first)

    def put(self, files):
        """As a tool that renews certificates does it: written beside, then renamed, one after the other."""
        for source, target in ((files[1], self.key), (files[0], self.certificate)):
            new = target.with_suffix(".new")
            shutil.copy(source, new)
            new.chmod(0o600)
            os.replace(new, target)

    def flags(self, **more):
        given = {"server.tls.certificate": self.certificate, "server.tls.key": self.key, **more}
        return [x for k, v in given.items() for x in ("--set", f"{k}={v}")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secure(place):
    with running(Server(flags=place.flags())) as s:
        both = place.folder / "trusted.pem"
        both.write_bytes(place.first[0].read_bytes() + place.second[0].read_bytes())
        s.session.trust_env = False  # REQUESTS_CA_BUNDLE would win
        s.session.verify = str(both)
        yield s


def context(place, **versions):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.load_verify_locations(place.first[0])
    c.load_verify_locations(place.second[0])
    for name, value in versions.items():
        setattr(c, name, value)
    return c


def handshake(server, c):
    with socket.create_connection((server.host, server.port), timeout=10) as s:
        with c.wrap_socket(s, server_hostname="localhost") as t:
            t.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = t.recv(64)
            shown = t.getpeercert()["subject"][0][0][1] if answer else None
            return t.version(), t.cipher()[0], shown, answer[:15]


def test_versions_and_ciphers(secure, place):
    v13 = handshake(secure, context(place))
    assert v13[0] == "TLSv1.3" and v13[3] == b"HTTP/1.1 200 OK"
    v12 = handshake(secure, context(place, maximum_version=ssl.TLSVersion.TLSv1_2))
    assert v12[0] == "TLSv1.2" and v12[1].startswith("ECDHE-") and v12[3] == b"HTTP/1.1 200 OK"
    for ciphers in ("AES128-SHA:AES256-SHA:AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384", "DHE-RSA-AES256-GCM-SHA384"):
        c = context(place, maximum_version=ssl.TLSVersion.TLSv1_2)
        c.set_ciphers(ciphers + ":@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            handshake(secure, c)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(secure, place, version):
    c = context(place, minimum_version=version, maximum_version=version)
    c.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(secure, c)


def test_plain_http_is_not_answered(secure):
    with socket.create_connection((secure.host, secure.port), timeout=10) as s:
        s.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/" not in s.recv(4096)


def test_the_whole_way_is_under_tls(secure, place):
    """Small and large bodies both ways, a stream, and an answer in the middle of a body."""
    secure.collection("tls")
    rows = [{"id": f"d{i}", "text": f"pumpkin soup number {i} " + "ginger " * 60} for i in range(3000)]
    assert secure.lines("tls", rows)[-1]["failed"] == 0
    assert len(secure.get("/v1/collections/tls/documents", limit=1000)["data"]) == 1000
    answer = secure.ask("GET", "/livez", status=200)
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    for path, kind, length, status in (("tls", "application/json", 11 << 20, 413), ("nowhere", "application/x-ndjson", 4 << 20, 404)):
        with socket.create_connection((secure.host, secure.port), timeout=10) as s, \
                context(place).wrap_socket(s, server_hostname="localhost") as t:
            t.sendall(f"POST /v1/collections/{path}/documents HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
                      f"Content-Length: {length}\r\n\r\n".encode() + b"x" * 65536)
            got = b"".join(iter(lambda: t.recv(65536), b""))
            assert got.startswith(f"HTTP/1.1 {status} ".encode()) and got.endswith(b"}\n"), got
    secure.get("/livez")


def subject(server, place):
    return handshake(server, context(place))[2]


def test_a_new_certificate_under_load(secure, place):
    """Requests on new and on kept connections, while certificates are changed by signal: none fails."""
    failed, ended, count = [], threading.Event(), [0]

    def ask(keep):
        connection = http.client.HTTPSConnection("localhost", secure.port, timeout=10, context=context(place))
        while not ended.is_set():
            try:
                connection.request("GET", "/livez")
                answer = connection.getresponse()
                if (answer.status, answer.read()) != (200, b'{"status":"live"}\n'):
                    failed.append(answer.status)
                count[0] += 1
                if not keep:
                    connection.close()
            except (OSError, http.client.HTTPException) as e:
                failed.append(e)
                return

    askers = [threading.Thread(target=ask, args=(i % 2 == 0,)) for i in range(4)]
    for a in askers:
        a.start()
    try:
        for i in range(6):
            files, name = ((place.second, "second"), (place.first, "first"))[i % 2]
            place.put(files)
            secure.process.send_signal(signal.SIGHUP)
            wait_for(lambda: subject(secure, place) == name)
    finally:
        ended.set()
        for a in askers:
            a.join()
    assert not failed and count[0] > 20
    assert secure.metrics()['akin_tls_reload_total{outcome="ok"}'] >= 7


def test_a_broken_pair_keeps_the_old_one(secure, place):
    before = secure.metrics()['akin_tls_reload_total{outcome="failed"}']
    place.put((place.second[0], place.first[1]))
    secure.process.send_signal(signal.SIGHUP)
    wait_for(lambda: secure.metrics()['akin_tls_reload_total{outcome="failed"}'] > before)
    assert subject(secure, place) == "first"
    lines = [x for x in secure.log_lines() if "not taken" in x["message"]]
    assert lines[-1]["setting"] == "server.tls.key" and "is not the key of the certificate" in lines[-1]["error"]
    place.put(place.first)
    secure.process.send_signal(signal.SIGHUP)


def test_changed_files_are_noticed(secure, place):
    place.put(place.second)
    wait_for(lambda: subject(secure, place) == "second", 20)
    place.put(place.first)
    secure.process.send_signal(signal.SIGHUP)
    wait_for(lambda: subject(secure, place) == "first", 20)


def test_commands_reach_it(secure, place, tmp_path):
    def search(*arguments, **more):
        akin("search", "-c", "tls", "soup", *arguments, cwd=tmp_path, **more)

    url = secure.url.replace("127.0.0.1", "localhost")
    search("--url", url, "--ca", place.first[0])
    search("--url", url, AKIN_CA=str(place.first[0]))
    search("--url", url, code=1)  # nobody vouches for it
    search("--url", url, "--ca", place.second[0], code=1)
    search("--data", secure.data, *place.flags())  # the server of this directory


def test_clients_must_show_a_certificate(place, make_server):
    authority = pair(place.folder, "authority")
    client = pair(place.folder, "client", issuer=authority, use="clientAuth")
    stranger = pair(place.folder, "stranger", use="clientAuth")
    wrong_use = pair(place.folder, "other", issuer=authority, use="serverAuth")
    server = make_server(flags=place.flags(**{"server.tls.client_ca": authority[0]}))
    c = context(place)
    c.load_cert_chain(*client)
    assert handshake(server, c)[3] == b"HTTP/1.1 200 OK"
    for files in (None, stranger, wrong_use):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            c = context(place, maximum_version=version)
            if files:
                c.load_cert_chain(*files)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                if not handshake(server, c)[3]:
                    raise ConnectionError  # TLS 1.3: the client is done before the server has judged
    both = place.folder / "both.pem"
    both.write_bytes(client[0].read_bytes() + client[1].read_bytes())
    run = subprocess.run([binary(), "search", "-c", "none", "soup", "--url", server.url, "--ca", place.first[0], "--client-cert", both],
                         capture_output=True, text=True, timeout=30)
    assert "none" in run.stderr and "no answer" not in run.stderr


@pytest.mark.parametrize("certificate, key, says", [
    ("first.pem", "second.key", "is not the key of the certificate"), ("missing.pem", "first.key", "No such file"),
    ("first.pem", "first.pem", "server.tls.key"), ("first.key", "first.key", "server.tls.certificate"), ("first.pem", "", "set both"),
    ("first.pem", "public.key", "chmod 600"), ("first.pem", "sealed.key", "passphrase"), ("empty.pem", "first.key", "server.tls.certificate"),
])
def test_wrong_files_at_the_start(place, tmp_path, certificate, key, says):
    f = place.folder
    (f / "empty.pem").touch()
    shutil.copy(place.first[1], f / "public.key")
    (f / "public.key").chmod(0o644)
    if key == "sealed.key":
        openssl("ec", "-in", place.first[1], "-aes256", "-passout", "pass:x", "-out", f / key)
        (f / key).chmod(0o600)
    refused(tmp_path, says, f"server.tls.certificate={f / certificate}", f"server.tls.key={f / key if key else ''}")


def refused(tmp_path, says, *settings, flags=()):
    run = akin("serve", "--data", tmp_path / "data", "--port", "0", "--model", "stub", *flags, *[x for s in settings for x in ("--set", s)], code=1)
    assert says in run.stderr, run.stderr


def test_beyond_loopback(place, tmp_path, make_server):
    """Other machines are answered under TLS, or behind a proxy that is named, or by those who say that they want neither."""
    key, beyond = "server.admin_key=a-key-of-the-test-0123456789", "server.address=0.0.0.0"
    refused(tmp_path, "server.tls.certificate", key, beyond)
    refused(tmp_path, "server.trusted_proxies", key, beyond, flags=["--tls-at-proxy"])
    for flags in (["--insecure"], ["--tls-at-proxy", "--set", "server.trusted_proxies=10.0.0.1", "--set", key],
                  [*place.flags(), "--set", key]):
        server = make_server(flags=["--set", beyond, *flags])
        server.stop()
