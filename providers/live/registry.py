"""Every live provider, by the name that ACADEMY_LIVE_PROVIDER gives."""

from collections.abc import Callable

from kit.clock import Clock, SystemClock
from kit.settings import Settings
from providers.live.aliyun import AliyunLive
from providers.live.base import Live
from providers.live.embedded import EmbeddedLive
from providers.live.mediamtx import MediaMtxLive
from providers.live.nginx_rtmp import NginxRtmpLive
from providers.live.srs import SrsLive
from providers.live.tencent import TencentLive

LIVE: dict[str, Callable[[Settings, Clock], Live]] = {
    "aliyun": lambda settings, _: AliyunLive(settings, SystemClock()),  # the vendor's clock is not ours to freeze
    "embedded": EmbeddedLive,
    "mediamtx": lambda settings, _: MediaMtxLive(settings),
    "nginx_rtmp": lambda settings, _: NginxRtmpLive(settings),
    "srs": lambda settings, _: SrsLive(settings),
    "tencent": lambda settings, _: TencentLive(settings, SystemClock()),
}


def live_for(settings: Settings, clock: Clock) -> Live:
    return LIVE[settings.live_provider](settings, clock)
