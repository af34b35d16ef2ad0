"""Proxies, certificates, and what else lies between a training machine and the server."""

import base64
import os
import socket
import ssl
import subprocess
import threading

import pytest
from fake_server import KEY, PASSWORD, USER, FakeServer, Mode

from ai_manager import AIManager, UnreachableError

openssl = pytest.mark.skipif(not os.path.exists("/usr/bin/openssl"), reason="makes its certificates with openssl")


class Proxy:
    """A forward proxy for http and, by CONNECT, for https. It may ask for a password."""

    def __init__(self, credentials=None):
        self.asked = []  # The first lines of requests.
        self.wants = credentials and "Basic " + base64.b64encode(credentials.encode()).decode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(65536)
                if not more:
                    return
                head += more
            head, _, rest = head.partition(b"\r\n\r\n")
            line = head.split(b"\r\n")[0].decode()
            self.asked.append(line)
            if self.wants and f"proxy-authorization: {self.wants}".lower() not in head.decode().lower():
                client.sendall(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            method, target, _ = line.split()
            address = target if method == "CONNECT" else target.split("/")[2]
            with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                else:
                    server.sendall(head.replace(f"http://{address}".encode(), b"", 1) + b"\r\n\r\n" + rest)
                there = threading.Thread(target=self._copy, args=(client, server), daemon=True)
                there.start()
                self._copy(server, client)

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._listener.close()


@pytest.fixture
def proxy():
    one = Proxy()
    yield one
    one.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority of our own, a certificate of the server and one of a client."""
    place = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=place)

    new = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority")
    (place / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name in ("server", "client"):
        openssl("req", *new[:3], "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", "names", "-out", f"{name}.pem")  # fmt: skip
    return place


@pytest.fixture
def secure(certificates):
    """A server that speaks TLS, and wants a client's certificate where `wants_client` is set."""
    servers = []

    def start(wants_client=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        if wants_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(certificates / "ca.pem")
        fake = FakeServer(context)
        servers.append(fake)
        return fake

    yield start
    for fake in servers:
        fake.stop()


def log_one(url):
    with AIManager("p", url, api_key=KEY).run() as run:
        run.log({"m": 1.0})


def test_the_proxy_of_the_environment_is_used(server, quick, proxy, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    log_one(server.url)
    assert server.state.series(1, "m") == [(0, 1.0)]
    assert proxy.asked[0].startswith(f"POST {server.url}/projects/ ")


@pytest.mark.parametrize("exception", ["127.0.0.1", "*", "localhost,127.0.0.1"])
def test_no_proxy_is_used_where_the_environment_says_so(server, quick, proxy, monkeypatch, exception):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", exception)
    log_one(server.url)
    assert server.state.series(1, "m") == [(0, 1.0)]
    assert proxy.asked == []


def test_a_proxy_that_wants_a_password_gets_the_one_of_its_address_and_the_server_does_not(server, quick, monkeypatch):
    proxy = Proxy("me:s3cret")
    try:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("REQUEST_METHOD", raising=False)
        with pytest.raises(UnreachableError, match="407"):
            AIManager("p", server.url, api_key=KEY).check()
        monkeypatch.setenv("HTTP_PROXY", f"http://me:s3cret@127.0.0.1:{proxy.port}")
        assert AIManager("p", server.url, api_key=KEY).check()["username"] == USER
    finally:
        proxy.close()


@openssl
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_authority_of_the_environment_is_trusted_also_through_a_proxy(
    secure, quick, proxy, certificates, monkeypatch, variable
):
    server = secure()
    monkeypatch.setenv(variable, str(certificates / "ca.pem"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    log_one(f"https://localhost:{server.port}")
    assert server.state.series(1, "m") == [(0, 1.0)]
    assert proxy.asked[0].startswith(f"CONNECT localhost:{server.port} ")


@openssl
def test_a_certificate_of_nobody_is_never_trusted(secure, monkeypatch):
    server = secure()
    for name in ("PYTHONHTTPSVERIFY", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "0")
    with pytest.raises(UnreachableError, match="certificate verify failed"):
        AIManager("p", f"https://localhost:{server.port}", api_key=KEY).check()
    assert server.state.requests == []


@openssl
def test_a_client_certificate_of_the_environment_is_shown(secure, certificates, monkeypatch):
    server = secure(wants_client=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
    url = f"https://localhost:{server.port}"
    with pytest.raises(UnreachableError):
        AIManager("p", url, api_key=KEY).check()
    monkeypatch.setenv("AI_MANAGER_CLIENT_CERT", str(certificates / "client.pem"))
    monkeypatch.setenv("AI_MANAGER_CLIENT_KEY", str(certificates / "client.key"))
    assert AIManager("p", url, api_key=KEY).check()["username"] == USER


@openssl
def test_a_certificate_file_that_is_not_there_costs_no_exception(secure, quick, monkeypatch, caplog):
    server = secure()
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    run = AIManager("p", f"https://localhost:{server.port}", api_key=KEY).run()
    run.log({"m": 1.0})
    assert run.finish(timeout=0.5) is False
    assert "They are kept in" in caplog.text


def test_netrc_is_not_read(server, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    manager = AIManager("p", server.url)
    assert manager.mode == "offline"


def test_a_portal_that_answers_everything_with_a_page_is_no_server(server, quick):
    server.state.mode = Mode("garbage", "", status=200)
    with pytest.raises(UnreachableError):
        AIManager("p", server.url, api_key=KEY).check()
