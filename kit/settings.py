"""Configuration: read from the environment once (prefix ACADEMY_), then passed on in `Ports`. Never a global."""

import hashlib
import hmac
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

DEVELOPMENT_SECRET = "development-secret-for-a-laptop-only"  # noqa: S105 - a production start refuses it


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class UnsafeSettings(Exception):
    """A production start was refused; the message says what to do."""


class Settings(BaseSettings):
    """Every setting of the server. Times are seconds, sizes bytes, unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="ACADEMY_", extra="ignore")

    environment: Environment = Environment.DEVELOPMENT
    secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    """The one secret; every key is derived from it by `key`."""
    demo: bool = True
    """Demo mode: the sign-in code 888888 works and the demo is seeded on first start."""
    graphiql: bool = True
    trusted_documents_only: bool = False
    """Answer the operations under documents/ and no others, but to admins."""
    data_dir: Path = Path("data")
    database_url: str | None = None
    """postgres://user:password@host:port/name; none: the embedded PostgreSQL in `data_dir`."""
    redis_url: str | None = None
    """redis://host:port/0 or unix://path; none: the embedded Valkey in `data_dir`."""
    public_url: str = "http://127.0.0.1:8000"
    """How phones reach this server; media addresses start with it."""
    database_pool_size: int = 10
    database_wait_seconds: float = 5.0
    """How long a request waits for a free connection before it is UNAVAILABLE."""
    sms_provider: str = "console"
    storage_provider: str = "local"
    media_url_seconds: int = 6 * 3600

    def key(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose, derived from the secret (HMAC-SHA256 of the purpose's name)."""
        return hmac.new(self.secret.get_secret_value().encode(), purpose.encode(), hashlib.sha256).digest()

    def require_safe(self) -> None:
        """Raise `UnsafeSettings` if this is production with settings made for a laptop."""
        if self.environment is not Environment.PRODUCTION:
            return
        secret = self.secret.get_secret_value()
        if secret == DEVELOPMENT_SECRET or len(secret) < 32:
            raise UnsafeSettings(
                "ACADEMY_SECRET is the development secret or too short: set 32 or more random characters."
            )
        if self.demo:
            raise UnsafeSettings("Demo mode lets anyone sign in with 888888: set ACADEMY_DEMO=false.")
        if self.graphiql:
            raise UnsafeSettings("GraphiQL is a development page: set ACADEMY_GRAPHIQL=false.")
        if self.sms_provider == "console":
            raise UnsafeSettings("Sign-in codes would only be printed: set ACADEMY_SMS_PROVIDER to a real provider.")
