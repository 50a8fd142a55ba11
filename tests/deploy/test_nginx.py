"""`deploy/nginx.conf` in front of a real server: what passes it, and what does not."""

import asyncio
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect

from kit.processes import wait_until
from services.ports import Ports
from tests.documents import OPERATIONS
from tests.process import PATIENCE_SECONDS, ROOT, Serving
from tests.world import World

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
NAME = "academy.example.com"

pytestmark = pytest.mark.skipif(
    NGINX is None and not os.environ.get("CI"), reason="nginx is not on this machine; CI installs it"
)


@dataclass(frozen=True, slots=True)
class Front:
    """nginx by its two ports, and the server behind it."""

    http: int
    https: int
    trust: ssl.SSLContext
    server: Serving

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{self.https}",
            verify=self.trust,
            headers={"host": NAME},
            timeout=PATIENCE_SECONDS,
        )


@pytest.fixture
async def somewhere(world: World) -> None:
    """A region, or the server would seed a demo first."""
    await world.region()


@pytest.fixture
def front(ports: Ports, somewhere: None, tmp_path: Path) -> Iterator[Front]:
    variables = {
        "ACADEMY_DATABASE_URL": ports.settings.database_url or "",
        "ACADEMY_REDIS_URL": ports.settings.redis_url or "",
        "ACADEMY_ALLOWED_HOSTS": NAME,
        "ACADEMY_TRUSTED_PROXIES": "127.0.0.0/8",
        "ACADEMY_DEMO": "true",  # for the code 888888
    }
    server = Serving(tmp_path / "data", ("--no-worker",), variables).start()
    with nginx_before(server.address.removeprefix("http://"), tmp_path / "nginx") as (plain, secure):
        trust = ssl.create_default_context(cafile=str(tmp_path / "nginx/tls/fullchain.pem"))
        yield Front(plain, secure, trust, server)
    server.stop()


@contextmanager
def nginx_before(address: str, home: Path) -> Iterator[tuple[int, int]]:
    """nginx with our configuration before the server at `address`, on ports of its own: (HTTP, HTTPS)."""
    (home / "tls").mkdir(parents=True)
    self_signed(home / "tls")
    plain, secure = free_port(), free_port()
    text = (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8")
    for told, here in {
        "server web:8000": f"server {address}",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl;",
        "/dev/stdout": str(home / "access.log"),
        "/dev/stderr": str(home / "error.log"),
    }.items():
        assert told in text
        text = text.replace(told, here)
    temporary = "".join(
        f"    {what}_temp_path {home / what};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = f"pid {home / 'nginx.pid'};\ndaemon off;\n" + text.replace("http {\n", "http {\n" + temporary, 1)
    (home / "nginx.conf").write_text(text, encoding="utf-8")
    shutil.copy("/etc/nginx/mime.types", home / "mime.types")
    assert NGINX is not None
    words = [NGINX, "-p", str(home), "-c", str(home / "nginx.conf"), "-e", str(home / "error.log")]
    if os.geteuid() == 0:
        words += ["-g", "user root;"]  # below a private directory nobody else could read the certificate
    checked = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        try:
            assert wait_until(lambda: answers(secure), PATIENCE_SECONDS)
            yield plain, secure
        finally:
            process.terminate()


async def test_everything_an_app_does_passes_it(front: Front, world: World) -> None:
    number = world.phone()
    await world.learner(phone=number)
    async with front.client() as http:
        answer = await http.post("/graphql", json={"query": "{ viewer { id } }"})
        asked = {"query": OPERATIONS["RequestSignInCode"], "variables": {"input": {"phone": number, "deviceId": "d"}}}
        await http.post("/graphql", json=asked)
        proof = {"phone": number, "code": "888888", "deviceId": "d", "deviceName": "Test"}
        signed_in = await http.post(
            "/graphql", json={"query": OPERATIONS["SignInWithCode"], "variables": {"input": proof}}
        )
        token = signed_in.json()["data"]["signInWithCode"]["session"]["accessToken"]
        picture = b"\x89PNG\r\n\x1a\n" + bytes(3 * 2**20)
        wanted = {"fileName": "我.png", "contentType": "image/png", "sizeBytes": len(picture), "sha256": "0" * 64}
        requested = await http.post(
            "/graphql",
            json={"query": UPLOAD, "variables": {"input": wanted}},
            headers={"authorization": f"Bearer {token}"},
        )
        target = requested.json()["data"]["requestUpload"]["upload"]["uploadUrl"]
        put = await http.put(
            httpx.URL(target).raw_path.decode(), content=picture, headers={"content-type": "image/png"}
        )

    url = f"wss://{NAME}:{front.https}/graphql"
    async with connect(
        url, host="127.0.0.1", port=front.https, ssl=front.trust, subprotocols=["graphql-transport-ws"]
    ) as line:
        await line.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        acknowledged = json.loads(await line.recv())
        await line.send(
            json.dumps({"id": "1", "type": "subscribe", "payload": {"query": OPERATIONS["MyPoints"], "variables": {}}})
        )
        first = json.loads(await line.recv())

    assert answer.json()["data"] == {"viewer": None}
    assert put.status_code in (200, 201, 204), put.text
    assert acknowledged["type"] == "connection_ack"
    assert first["type"] == "next"


async def test_what_is_for_the_inside_stays_inside(front: Front) -> None:
    async with front.client() as http:
        figures = await http.get("/metrics")
        large = await http.post("/graphql", content=b"x" * (2 * 2**20), headers={"content-type": "application/json"})
        answer = await http.get("/healthz")
    async with httpx.AsyncClient() as plain:
        redirected = await plain.get(f"http://127.0.0.1:{front.http}/graphql", headers={"host": NAME})

    assert figures.status_code == 404
    assert large.status_code == 413
    assert "max-age" in answer.headers["strict-transport-security"]
    assert "nginx/" not in answer.headers["server"]
    assert (redirected.status_code, redirected.headers["location"]) == (301, f"https://{NAME}/graphql")


async def test_a_server_hears_the_address_of_the_client_and_not_what_the_client_made_up(tmp_path: Path) -> None:
    heard: list[str] = []

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.extend(self.headers.get_all("x-forwarded-for", []))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    echo = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=echo.serve_forever)
    thread.start()
    with nginx_before(f"127.0.0.1:{echo.server_port}", tmp_path / "nginx") as (_, secure):
        trust = ssl.create_default_context(cafile=str(tmp_path / "nginx/tls/fullchain.pem"))
        async with httpx.AsyncClient(verify=trust, timeout=PATIENCE_SECONDS) as http:
            made_up = {"host": NAME, "x-forwarded-for": "8.8.8.8"}
            answer = await http.get(f"https://127.0.0.1:{secure}/healthz", headers=made_up)
    echo.shutdown()
    echo.server_close()
    thread.join()

    assert answer.status_code == 204
    assert heard == ["127.0.0.1"]


async def test_the_log_holds_no_signature(front: Front, tmp_path: Path) -> None:
    async with front.client() as http:
        await http.get("/media/0190a7d2?signature=secret-signature")
        await http.get("/exports/secret-in-the-path")

    log = tmp_path / "nginx/access.log"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "/exports" not in log.read_text():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
    assert "secret" not in log.read_text()


UPLOAD = """
mutation ($input: RequestUploadInput!) { requestUpload(input: $input) { upload { uploadUrl } userErrors { code } } }
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def self_signed(directory: Path) -> None:
    """fullchain.pem and privkey.pem, for the name and the address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
