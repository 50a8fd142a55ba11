"""What each live provider needs in the settings, and a sentence for what is missing."""

from pydantic import SecretStr

from kit.settings import Settings, UnsafeSettings

_OWN = ("live_ingest_url", "live_play_url", "live_play_key", "live_hook_secret", "live_control_url")
_CLOUD = (
    "live_ingest_url",
    "live_play_url",
    "live_play_key",
    "live_push_key",
    "live_hook_secret",
    "live_access_key_id",
    "live_access_key_secret",
)

NEEDS: dict[str, tuple[str, ...]] = {
    "nginx_rtmp": _OWN,
    "srs": _OWN,
    "mediamtx": _OWN,
    "tencent": _CLOUD,
    "aliyun": _CLOUD,
}
"""The settings that have no default, by the provider that does not stream without them."""


def missing_live_settings(settings: Settings) -> list[str]:
    """A sentence for each setting that the chosen provider needs and has not; empty is missing too."""
    name = settings.live_provider
    return [
        f"ACADEMY_{needed.upper()} is missing: the live provider {name} does not stream without it."
        for needed in NEEDS.get(name, ())
        if not getattr(settings, needed)
    ]


def text_of(value: str | SecretStr | None, settings: Settings) -> str:
    """A setting that has to be there; `UnsafeSettings` with all that are missing if it is not."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not text:
        raise UnsafeSettings("\n".join(missing_live_settings(settings)))
    return text
