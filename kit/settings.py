"""Configuration: read from the environment once (prefix ACADEMY_), then passed on in `Ports`. Never a global."""

import hashlib
import hmac
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEVELOPMENT_SECRET = "development-secret-for-a-laptop-only"  # noqa: S105 - a production start refuses it
LOOPBACK = ("127.0.0.1", "::1", "localhost")
ANY_HOST = "*"
HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:.]*:[0-9a-f:.]*")
"""A name or an address as the Host header has it, in lower case, without port and brackets."""

SCHEMES = {
    "database_url": ("postgresql://", "postgres://"),
    "redis_url": ("redis://", "rediss://", "unix://"),
}
"""How an address may begin."""


MOST_COST = 10_000
"""What one request may cost; a smaller budget could never pay for it."""


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class UnsafeSettings(Exception):
    """Settings that cannot be read, or that production refuses; the message says what to do."""


class Settings(BaseSettings):
    """Every setting of the server. Times are seconds, sizes bytes, unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="ACADEMY_", extra="ignore", use_attribute_docstrings=True)

    environment: Environment = Environment.DEVELOPMENT
    """`production` refuses to start with settings that are made for a laptop."""
    secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    """The one secret; every key is derived from it. Keep it safe, and the same on every server of one academy."""
    demo: bool = True
    """Demo mode: the sign-in code 888888 works and the demo is seeded on first start."""
    graphiql: bool = True
    """The GraphiQL page at /graphiql."""
    trusted_documents_only: bool = False
    """Answer the operations under documents/ and no others, but to admins."""
    introspection: bool | None = None
    """Whether clients may ask for the schema; none: in development alone."""
    data_dir: Path = Path("data")
    """Where the embedded databases and media live; `--data-dir` goes ahead of it."""
    database_url: str | None = None
    """postgresql://user:password@host:port/name; none: the embedded PostgreSQL in the data directory."""
    redis_url: str | None = None
    """redis://host:port/0 or unix://path; none: the embedded Valkey in the data directory."""
    public_url: str = "http://127.0.0.1:8000"
    """How phones reach this server; media addresses start with it. `serve` takes its own address unless told."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = LOOPBACK
    """The names that clients may call this server by, beside that in ACADEMY_PUBLIC_URL; `*`: any, for development."""
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...] | None, NoDecode] = None
    """Networks of the proxies in front, whose X-Forwarded-For is believed; `none`: there is no proxy."""
    database_pool_size: int = 10
    """Connections to PostgreSQL that one process keeps."""
    database_wait_seconds: float = 5.0
    """How long a request waits for a free connection before it is UNAVAILABLE."""
    metrics_token: SecretStr | None = None
    """Who sends it as `Authorization: Bearer ...` may read /metrics. None: in development whoever asks on this machine,
    in production nobody."""
    otlp_endpoint: str | None = None
    """An OpenTelemetry collector over HTTP, such as http://127.0.0.1:4318; none: no traces are kept."""
    trace_ratio: float = Field(1.0, ge=0, le=1)
    """The share of requests that are traced."""
    sms_provider: str = "console"
    """Who sends short messages: `aliyun` or `tencent`; `console` prints them."""
    sms_access_key_id: SecretStr | None = None
    """Aliyun's AccessKey ID, or Tencent Cloud's SecretId. Give it the right to send short messages and no other."""
    sms_access_key_secret: SecretStr | None = None
    """The secret that belongs to it."""
    sms_sign_name: str | None = None
    """The signature (签名) that the vendor has approved, without 【】."""
    sms_template: str | None = None
    """The vendor's id of the approved template for codes, with one variable: `${code}` at Aliyun, `{1}` at Tencent
    Cloud."""
    sms_template_abroad: str | None = None
    """The same for numbers outside the mainland; none: they get no codes."""
    sms_app_id: str | None = None
    """Tencent Cloud's SdkAppId of the application; Aliyun has none."""
    sms_region: str = "ap-guangzhou"
    """Tencent Cloud's region; Aliyun asks for none."""
    sms_endpoint: str | None = None
    """Where the vendor answers, https://host; none: at the address it publishes."""
    sms_codes_per_hour: int = Field(2000, ge=1)
    """The fuse: messages with codes to all phones together. The evening on which a city of 32,000 shops is invited asks
    for a thousand or so; at five fen each, twice that costs a hundred yuan an hour at most."""
    push_provider: str = "log"
    """Who carries notices to phones: `jpush`; `webhook`, a server of your own; `log` only writes that it would."""
    push_app_key: SecretStr | None = None
    """JPush's AppKey."""
    push_master_secret: SecretStr | None = None
    """JPush's Master Secret, or the secret that signs what your own server is sent."""
    push_endpoint: str | None = None
    """Where your own server is told, https://host/path; of JPush another address than the one it publishes."""
    push_apns_production: bool = True
    """Whether JPush reaches iPhones by Apple's production service; false for a development build."""
    staff_robots: SecretStr = SecretStr("")
    """Addresses of DingTalk or WeCom robots in groups of staff, who hear when live lessons begin, move or are called
    off; a DingTalk robot's signing secret behind its address, after a #."""
    captcha_provider: str = "none"
    """Who judges whether a person is signing in, once a device or network is suspicious."""
    storage_provider: str = "local"
    """Where media are kept; `local` is the data directory, `s3` a bucket of any service that speaks S3."""
    s3_endpoint: str | None = None
    """Where the S3 service answers, https://host; none: Amazon's of the region. Phones must reach it too."""
    s3_region: str = "us-east-1"
    """The region the bucket is in, as its addresses are signed for."""
    s3_bucket: str | None = None
    """The bucket, which only this academy uses; let it forget unfinished multipart uploads after a day."""
    s3_access_key_id: SecretStr | None = None
    """Of an account that may get, put and delete objects of this bucket, and no more."""
    s3_secret_access_key: SecretStr | None = None
    """The secret that belongs to it."""
    s3_path_style: bool = False
    """Whether the bucket stands in the path and not in the host name, as most services of one's own want it."""
    media_url_seconds: int = 6 * 3600
    """How long the address of a film is good for."""
    class_check_in_meters: int = Field(300, ge=1)
    """How far from an offline class a phone may be that checks in there, if it says where it is and the class has a
    place on the map."""
    live_provider: str = "embedded"
    """Who carries live streams: `embedded`, an ingest on this machine; `nginx_rtmp`, `srs` or `mediamtx`, a server of
    yours; `tencent` or `aliyun`."""
    live_ingest_port: int = Field(1935, ge=0, le=65535)
    """Where the embedded ingest listens; 0 takes a free port. Unless it is set, a port that is taken gives way to a
    free one."""
    live_ingest_host: str = "127.0.0.1"
    """The address it listens on; 0.0.0.0 for hosts elsewhere."""
    live_ingest_url: str | None = None
    """Where hosts send their streams, rtmp://host:port/live; none: the embedded ingest's own address, for hosts on this
    machine."""
    live_play_url: str | None = None
    """Where phones play streams, https://host, if that is not this server: your media server's, or the vendor's play
    domain."""
    live_play_key: SecretStr | None = None
    """What signs those addresses: the secret in deploy/live/play.conf, or the vendor's key for playback."""
    live_push_key: SecretStr | None = None
    """The vendor's key that signs push addresses."""
    live_hook_secret: SecretStr | None = None
    """Behind /hooks/live/ in the addresses that your media server calls; at a vendor the key of its callbacks."""
    live_control_url: str | None = None
    """Where your media server is asked and told: the address of nginx's control and statistics, or of SRS's or
    MediaMTX's API, from this machine."""
    live_recordings_dir: Path | None = None
    """Where this machine sees what your media server records."""
    live_recordings_url: str | None = None
    """Where Aliyun keeps recordings, https://bucket.endpoint; at Tencent Cloud the callback says it."""
    live_recording_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts that a vendor's recording may be fetched from; a name stands for all below it."""
    live_access_key_id: SecretStr | None = None
    """Aliyun's AccessKey ID, or Tencent Cloud's SecretId, with the right to ask for and to forbid live streams."""
    live_access_key_secret: SecretStr | None = None
    """The secret that belongs to it."""
    live_endpoint: str | None = None
    """Where the vendor's API answers, https://host; none: at the address it publishes."""
    board_names: Literal["member", "shop"] = "member"
    """Whose name stands for a learner on honour boards and in leagues: `member`, what they call themselves; `shop`, the
    name of their shop with its middle left out, 王**店, and no picture. Everybody reads their own name in full."""
    room_words_file: Path | None = None
    """Words that nobody says in live rooms, one a line, read again whenever the file changes; none: `room-words.txt` in
    the data directory, and without that file a short list of ours."""
    member_budget: int = Field(30_000, ge=MOST_COST)
    """What a member may spend at once, in the unit of `extensions.cost`."""
    member_budget_per_second: float = Field(500, gt=0)
    """How fast what a member has spent comes back."""
    address_budget: int = Field(300_000, ge=MOST_COST)
    """The same for everybody behind one network address: a shop, or thousands of phones of one mobile network."""
    address_budget_per_second: float = Field(5_000, gt=0)
    """How fast what an address has spent comes back."""
    address_connections: int = Field(500, ge=1)
    """How many sockets and event streams everybody behind one network address may hold at once, in one process. Raise
    it before an evening on which thousands of phones of one mobile network follow a room."""
    sender_refusals: int = Field(50, ge=1)
    """How many refused requests a process forgives a member, or the signed-out of an address, before it only looks at
    trusted documents of theirs."""
    sender_refusals_per_second: float = Field(2, gt=0)
    """How fast refused requests are forgiven."""

    @field_validator("database_url", "redis_url")
    @classmethod
    def _has_a_known_scheme(cls, url: str | None, info: ValidationInfo) -> str | None:
        """Said here and by name, because the clients would only say so later, and with the password in it."""
        known = SCHEMES[info.field_name or ""]
        if url is not None and not url.startswith(known):
            raise ValueError(f"begin with {' or '.join(known)}")
        return url

    @field_validator(
        "sms_access_key_id", "sms_access_key_secret", "sms_region", "push_app_key", "push_master_secret",
        "s3_region", "s3_access_key_id", "s3_secret_access_key",
        "live_play_key", "live_push_key", "live_hook_secret", "live_access_key_id", "live_access_key_secret",
    )  # fmt: skip
    @classmethod
    def _is_one_word(cls, value: SecretStr | str | None) -> SecretStr | str | None:
        """A line break that came along with a copied key would only be found by the first member who wants a code."""
        text = value.get_secret_value() if isinstance(value, SecretStr) else value or ""
        if not (text.isascii() and text.isprintable() and " " not in text):
            raise ValueError("give it alone, without spaces and line breaks")
        return value

    @field_validator("sms_endpoint", "s3_endpoint", "live_endpoint")
    @classmethod
    def _is_encrypted(cls, url: str | None) -> str | None:
        """What goes there opens accounts; only to this machine it may go in the clear."""
        if not url:
            return None
        try:
            parts = urlsplit(url)
            bare = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
            local = parts.scheme == "http" and parts.hostname in LOOPBACK
            good = bare and bool(parts.hostname) and (parts.scheme == "https" or local) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise ValueError("give https://host, without a path")
        return url

    @field_validator("push_endpoint")
    @classmethod
    def _reaches_a_server(cls, url: str | None) -> str | None:
        if url and not _is_encrypted_address(url):
            raise ValueError("give https://host/path")
        return url or None

    @field_validator("staff_robots")
    @classmethod
    def _are_robots(cls, value: SecretStr) -> SecretStr:
        if not all(_is_encrypted_address(each.partition("#")[0]) for each in _words(value.get_secret_value())):
            raise ValueError("give the robots' https addresses, separated by spaces")
        return value

    def key(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose, derived from the secret (HMAC-SHA256 of the purpose's name)."""
        return hmac.new(self.secret.get_secret_value().encode(), purpose.encode(), hashlib.sha256).digest()

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _listed_hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        hosts = tuple(word.strip("[]").lower() for word in _words(value))
        for host in hosts:
            if host != ANY_HOST and not HOST_NAME.fullmatch(host):
                raise ValueError(f"{host!r} is no host name: give names and addresses without a port, or * for any.")
        return hosts

    @field_validator("live_ingest_url", "live_play_url", "live_control_url", "live_recordings_url")
    @classmethod
    def _is_an_address(cls, url: str | None, info: ValidationInfo) -> str | None:
        """A host types the first into a camera, phones open the second: found wrong here and not on the evening."""
        schemes = ("rtmp", "rtmps") if info.field_name == "live_ingest_url" else ("http", "https")
        if not url:
            return None
        try:
            parts = urlsplit(url)
            good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
            good = good and not (parts.query or parts.fragment or "@" in parts.netloc)
        except ValueError:
            good = False
        if not good:
            raise ValueError(f"give {schemes[0]}://host, without a question mark")
        return url.rstrip("/")

    @field_validator("live_recording_hosts", mode="before")
    @classmethod
    def _listed_recording_hosts(cls, value: object) -> object:
        return tuple(word.lower() for word in _words(value)) if isinstance(value, str) else value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _listed_networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        words = _words(value)
        return () if words == ["none"] else words or None

    @property
    def hosts(self) -> frozenset[str]:
        """Every name that a request may call this server by; `*` among them: any."""
        public = urlsplit(self.public_url).hostname
        return frozenset(self.allowed_hosts) | ({public} if public else set())

    @property
    def robots(self) -> tuple[str, ...]:
        """The addresses of robots in groups of staff."""
        return tuple(_words(self.staff_robots.get_secret_value()))

    @property
    def may_introspect(self) -> bool:
        return self.environment is Environment.DEVELOPMENT if self.introspection is None else self.introspection

    def require_safe(self) -> None:
        """Raise `UnsafeSettings` if this is production with settings made for a laptop: a sentence for each of them."""
        if self.environment is not Environment.PRODUCTION:
            return
        wrong: list[str] = []
        secret = self.secret.get_secret_value()
        if secret == DEVELOPMENT_SECRET or len(secret) < 32:
            wrong.append("ACADEMY_SECRET is the development secret or too short: set 32 or more random characters.")
        if self.demo:
            wrong.append("Demo mode lets anyone sign in with 888888: set ACADEMY_DEMO=false.")
        if self.graphiql:
            wrong.append("GraphiQL is a development page: set ACADEMY_GRAPHIQL=false.")
        if self.sms_provider == "console":
            wrong.append("Sign-in codes would only be printed: set ACADEMY_SMS_PROVIDER to aliyun or tencent.")
        if self.captcha_provider == "static":
            wrong.append(
                "The static captcha lets everyone through: set ACADEMY_CAPTCHA_PROVIDER to a real provider, or to none."
            )
        if self.live_provider == "embedded" and self.live_ingest_url is None:
            wrong.append(
                "Hosts would be told to stream to this very machine: set ACADEMY_LIVE_INGEST_URL to the address that"
                " they reach, such as rtmp://live.example.com/live."
            )
        if ANY_HOST in self.allowed_hosts:
            wrong.append(
                "With * any name would pass for this server: set ACADEMY_ALLOWED_HOSTS to the names clients use."
            )
        if self.trusted_proxies is None:
            wrong.append(
                "Clients are told apart by their addresses, and proxies hide those: set ACADEMY_TRUSTED_PROXIES to the"
                " networks of the proxies in front, such as 10.0.0.0/8, or to none if there is no proxy."
            )
        if any(network.prefixlen == 0 for network in self.trusted_proxies or ()):
            wrong.append(
                "A trusted network of every address lets anyone choose their own: set ACADEMY_TRUSTED_PROXIES to the"
                " proxies' networks alone."
            )
        if wrong:
            raise UnsafeSettings("\n".join(wrong))


def read_settings(**given: object) -> Settings:
    """The settings of the environment, `given` ahead of it. `UnsafeSettings` names every one that cannot be read."""
    try:
        return Settings(**given)  # type: ignore[arg-type]  # whatever their type, pydantic checks it
    except ValidationError as error:
        wrong = []
        for each in error.errors():  # without the values, which may be secret
            name = "_".join(map(str, each["loc"])).upper()
            wrong.append(f"ACADEMY_{name}: {each['msg'].removeprefix('Value error, ').rstrip('.')}.")
        raise UnsafeSettings("\n".join(wrong)) from None


def _is_encrypted_address(url: str) -> bool:
    """An https address without a name and password in it; to this machine http will do."""
    try:
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in LOOPBACK
        return bool(parts.hostname) and "@" not in parts.netloc and (parts.scheme == "https" or local)
    except ValueError:
        return False


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()
