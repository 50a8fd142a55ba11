"""What every live provider keeps to, and the formulas and hooks of each, in the shapes that their makers document."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from kit.clock import FrozenClock
from kit.settings import UnsafeSettings, read_settings
from providers.live.aliyun import auth_key
from providers.live.base import Hook, Live, LiveUnavailable, Status, Stream, StreamEvent
from providers.live.cloud import md5
from providers.live.registry import LIVE, live_for
from providers.live.signing import NAME as NAME_OF_A_STREAM
from providers.live.signing import is_good, secure_link, token_for
from providers.live.tencent import TencentLive, signature
from services.live_feeds import UNREADABLE
from tests.live_stream.lines import LINES, MEDIAMTX, NGINX, SRS, settings_for
from tests.sms.vendor import Vendor, standing_vendor

NAME, SECRET = "0123456789abcdef0123456789abcdef", "of-the-host"
AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
STREAM = Stream(NAME, AT, AT + timedelta(hours=3), SECRET)
SELF_HOSTED = ("nginx_rtmp", "srs", "mediamtx")
SRS_ASKS = {**SRS, "stream": NAME, "param": f"?key={SECRET}"}
MEDIAMTX_ASKS = {**MEDIAMTX, "path": f"live/{NAME}", "query": f"key={SECRET}"}


NONSENSE = [
    b"", b"\xff\xfe", b"null", b"1", b"[]", b"[1]", b'"x"', b"{}", b"{", b"[" * 5000, b"%00=%00&&&=;", b"a=1&" * 99,
    b'{"event_type": []}', b'{"event_type": {}, "appname": "live"}', b'{"event_type": 100}',
    b'{"event_type": 100, "video_url": 1, "start_time": 100000000000000000000}',
    b'{"event_type": 100, "video_url": 1, "start_time": 1e300}',
    b'{"event_type": 100, "video_url": 1, "start_time": "soon"}',
    b'{"uri": 1}', b'{"uri": 1, "start_time": null}', b'{"uri": 1, "start_time": 99999999999999999999}',
    b'{"action": [], "app": {}, "stream": [], "param": 3}', b'{"action": {}, "path": [1], "protocol": null}',
]  # fmt: skip


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with standing_vendor() as standing:
        yield standing


@pytest.fixture(params=sorted(LIVE))
def live(request: pytest.FixtureRequest, vendor: Vendor, tmp_path: Path) -> Live:
    return live_for(settings_for(request.param, vendor.url, tmp_path), FrozenClock(AT))


def hook(body: bytes = b"", *, token: str = "", method: str = "POST", **headers: str) -> Hook:
    return Hook(method, token, {}, {name.replace("_", "-"): value for name, value in headers.items()}, body, AT)


def test_a_key_names_the_stream_and_the_secret_stands_in_no_text(live: Live) -> None:
    ingest = live.open(STREAM)

    assert ingest.protocol == "RTMP"
    assert ingest.url == "rtmp://push.example.com/live"
    assert ingest.key.startswith(f"{NAME}?")
    assert ingest.key not in repr(ingest)
    assert SECRET not in repr(STREAM)


def test_everybody_plays_the_same_address_until_its_end(live: Live) -> None:
    one, again = live.playback(NAME, STREAM.expires_at), live.playback(NAME, STREAM.expires_at)
    other = live.playback("f" * 32, STREAM.expires_at)

    assert one == again != other
    assert (one.protocol, one.expires_at) == ("HLS", STREAM.expires_at)
    assert NAME in one.url


def test_a_hook_of_a_stranger_is_not_read(live: Live) -> None:
    for token in ("", "of-the-hook", "of-the-hooks2", "壹"):
        assert not live.authorize(hook(b"call=publish", token=token))
    assert not live.authorize(hook(orjson.dumps({"t": 9_999_999_999, "sign": "0" * 32})))


async def test_what_cannot_be_told_is_neither_on_air_nor_off(live: Live, vendor: Vendor) -> None:
    vendor.says(b"<html>not the API</html>", "500 Internal Server Error", "text/html")

    status = await live.status(NAME)

    assert status in (Status(None), Status(False))  # the embedded ingest asks nobody


async def test_a_name_of_no_stream_is_never_sent_or_looked_up(live: Live, vendor: Vendor, tmp_path: Path) -> None:
    for name in ("../../etc", "", "a" * 65, f"{NAME}&all=1", f"{NAME}\n"):
        with pytest.raises(ValueError, match="not a stream"):
            await live.stop(name)

    assert vendor.asked == []
    assert list(tmp_path.rglob("*")) == []


async def test_a_stream_that_was_stopped_may_be_stopped_again(
    request: pytest.FixtureRequest, live: Live, vendor: Vendor, tmp_path: Path
) -> None:
    provider = request.node.callspec.params["live"]
    if provider in LINES:
        line = LINES[provider](vendor, NAME, SECRET, shows="1")
    else:
        vendor.says(b"1", kind="text/plain")  # nginx says how many it dropped

    await live.stop(NAME)
    if provider == "nginx_rtmp":
        vendor.says(b"", "404 Not Found")
    await live.stop(NAME)

    if provider in LINES:
        assert (line.ended, line.shows) == (["1"], None)
    elif provider == "nginx_rtmp":
        assert [asked.target for asked in vendor.asked] == [f"/control/drop/publisher?app=live&name={NAME}"] * 2
    else:
        assert [path.name for path in (tmp_path / "live" / NAME).iterdir()] == ["stopped"]


def test_nonsense_is_unreadable_and_nothing_worse(live: Live) -> None:
    query = dict.fromkeys(("action", "id", "appname", "ip"), "\x00")
    told = [
        Hook(method, "of-the-hooks", query, {"content-type": kind}, body, AT)
        for method in ("GET", "POST")
        for kind in ("application/json", "application/x-www-form-urlencoded", "")
        for body in NONSENSE
    ]

    understood = []
    for each in told:
        with contextlib.suppress(*UNREADABLE):
            understood.append(live.parse_event(each))

    # What can be read after all is about no stream that there is.
    assert [heard for heard in understood if NAME_OF_A_STREAM.fullmatch(heard.name)] == []
    assert {heard.event for heard in understood} <= {StreamEvent.OTHER, StreamEvent.ASKED}


@pytest.mark.parametrize("provider", [*SELF_HOSTED, "aliyun", "tencent"])
async def test_an_order_to_stop_that_is_not_answered_is_to_be_repeated(
    provider: str, vendor: Vendor, tmp_path: Path
) -> None:
    live = live_for(settings_for(provider, vendor.url, tmp_path), FrozenClock(AT))
    vendor.says({"Response": {"Error": {"Code": "InternalError"}}, "Code": "InternalError"}, "500 Server Error")

    with pytest.raises(LiveUnavailable):
        await live.stop(NAME)


@pytest.mark.parametrize("provider", [*SELF_HOSTED, "aliyun", "tencent"])
def test_a_provider_without_its_settings_names_them(provider: str) -> None:
    with pytest.raises(UnsafeSettings, match="ACADEMY_LIVE_PLAY_KEY is missing"):
        live_for(read_settings(live_provider=provider), FrozenClock(AT))


def test_tencent_signs_as_in_its_own_example() -> None:
    key, until = "e12c46f2612d5106e2034781ab261ca3", datetime.fromtimestamp(0x5C271099, UTC)

    assert signature(key, "test", until) == "txSecret=f85a2ab363fe4deaffef9754d79da6fe&txTime=5C271099"


def test_aliyun_signs_the_path_its_end_and_the_key() -> None:
    until = datetime.fromtimestamp(1_700_000_000, UTC)

    assert auth_key("k", "/live/a", until) == f"1700000000-0-0-{md5('/live/a-1700000000-0-0-k')}"


def test_a_token_is_good_for_its_stream_until_its_end_and_for_nothing_else() -> None:
    key = b"k" * 32
    token = token_for(key, NAME, AT)

    assert is_good(key, token, NAME, AT - timedelta(seconds=1))
    assert not is_good(key, token, NAME, AT)
    assert not is_good(key, token, "f" * 32, AT - timedelta(seconds=1))
    assert not is_good(b"x" * 32, token, NAME, AT - timedelta(seconds=1))
    later = f"{int(AT.timestamp()) + 9999}.{token.partition('.')[2]}"
    assert not is_good(key, later, NAME, AT - timedelta(seconds=1))
    for odd in ("", ".", f"{token}x", token.replace(".", ""), "9" * 400):
        assert not is_good(key, odd, NAME, AT - timedelta(seconds=1))


def test_nginx_checks_what_it_is_told_to_check() -> None:
    assert secure_link("s", NAME, AT).endswith(f"/{int(AT.timestamp())}")
    assert secure_link("s", NAME, AT) != secure_link("t", NAME, AT)


def test_nginx_asks_and_tells_of_a_connection(vendor: Vendor, tmp_path: Path) -> None:
    live = live_for(settings_for("nginx_rtmp", vendor.url, tmp_path), FrozenClock(AT))
    added = b"&type=live&key=of-the-host&name=other&clientid=9"  # all behind `live` is the publisher's
    asked = hook(NGINX % (b"publish", NAME.encode()) + added, token="of-the-hooks")

    heard = live.parse_event(asked)
    ended = live.parse_event(hook(NGINX % (b"publish_done", NAME.encode()), token="of-the-hooks"))

    assert live.authorize(asked)
    assert (heard.event, heard.name, heard.client, heard.secret) == (StreamEvent.ASKED, NAME, "7", SECRET)
    assert (heard.yes.status, heard.no.status) == (200, 403)
    assert (ended.event, ended.name, ended.client) == (StreamEvent.UNPUBLISHED, NAME, "7")


def test_srs_asks_and_tells_of_a_connection(vendor: Vendor, tmp_path: Path) -> None:
    live = live_for(settings_for("srs", vendor.url, tmp_path), FrozenClock(AT))

    heard = live.parse_event(hook(orjson.dumps(SRS_ASKS)))
    ended = live.parse_event(hook(orjson.dumps({**SRS_ASKS, "action": "on_unpublish"})))

    assert (heard.event, heard.name, heard.client, heard.secret) == (StreamEvent.ASKED, NAME, "341w361a", SECRET)
    assert (heard.yes.body, heard.no.body) == (b'{"code":0}', b'{"code":1}')
    assert (ended.event, ended.client) == (StreamEvent.UNPUBLISHED, "341w361a")


async def test_srs_and_mediamtx_say_who_publishes(vendor: Vendor, tmp_path: Path) -> None:
    srs = live_for(settings_for("srs", vendor.url, tmp_path), FrozenClock(AT))
    vendor.says({"code": 0, "streams": [{"name": NAME, "app": "live", "publish": {"active": True, "cid": "341w361a"}}]})
    assert await srs.status(NAME) == Status(True, "341w361a")
    vendor.says({"code": 0, "streams": []})
    assert await srs.status(NAME) == Status(False)

    mediamtx = live_for(settings_for("mediamtx", vendor.url, tmp_path), FrozenClock(AT))
    vendor.says({"name": f"live/{NAME}", "ready": True, "source": {"type": "rtmpConn", "id": "2f3e-11"}})
    assert await mediamtx.status(NAME) == Status(True, "2f3e-11")
    vendor.says({"error": "path not found"}, "404 Not Found")
    assert await mediamtx.status(NAME) == Status(False)


def test_mediamtx_asks_tells_and_lets_nginx_read(vendor: Vendor, tmp_path: Path) -> None:
    live = live_for(settings_for("mediamtx", vendor.url, tmp_path), FrozenClock(AT))
    json = {"content_type": "application/json"}

    heard = live.parse_event(hook(orjson.dumps(MEDIAMTX_ASKS), **json))
    told = live.parse_event(hook(f"event=not_ready&path=live%2F{NAME}&id=2f3e".encode()))
    reads = live.parse_event(hook(orjson.dumps({**MEDIAMTX_ASKS, "action": "read", "protocol": "hls"}), **json))
    other = live.parse_event(hook(orjson.dumps({**MEDIAMTX_ASKS, "action": "publish", "protocol": "webrtc"}), **json))

    assert (heard.event, heard.name, heard.client, heard.secret) == (StreamEvent.ASKED, NAME, "2f3e", SECRET)
    assert (told.event, told.name, told.client) == (StreamEvent.UNPUBLISHED, NAME, "2f3e")
    assert reads.event is StreamEvent.OTHER
    assert (other.event, other.name) == (StreamEvent.ASKED, "")  # to be refused: nobody publishes so


def test_tencent_tells_of_begin_end_and_recording(vendor: Vendor, tmp_path: Path) -> None:
    live = live_for(settings_for("tencent", vendor.url, tmp_path), FrozenClock(AT))
    until = int(AT.timestamp()) + 600
    common = {"t": until, "sign": md5(f"of-the-hooks{until}"), "stream_id": NAME, "appname": "live"}
    began = hook(orjson.dumps({**common, "event_type": 1, "sequence": "66"}))
    recorded = hook(
        orjson.dumps(
            {**common, "event_type": 100, "video_url": "https://a.example.com/1.mp4", "start_time": 1_700_000_000}
        )
    )

    assert live.authorize(began)
    assert not live.authorize(Hook("POST", "", {}, {}, began.body, AT + timedelta(hours=1)))
    assert (live.parse_event(began).event, live.parse_event(began).client) == (StreamEvent.PUBLISHED, "66")
    piece = live.parse_event(recorded).piece
    assert piece is not None
    assert (piece.location, piece.started_at.timestamp()) == ("https://a.example.com/1.mp4", 1_700_000_000)


def test_aliyun_tells_of_begin_and_end(vendor: Vendor, tmp_path: Path) -> None:
    live = live_for(settings_for("aliyun", vendor.url, tmp_path), FrozenClock(AT))
    now = str(int(AT.timestamp()))
    headers = {"host": "academy.example.com:443", "ali-live-timestamp": now}
    headers["ali-live-signature"] = md5(f"academy.example.com|{now}|of-the-hooks")
    told = Hook("GET", "", {"action": "publish_done", "id": NAME, "appname": "live", "ip": "1.1.1.1"}, headers, b"", AT)

    assert live.authorize(told)
    assert not live.authorize(
        Hook("GET", "", told.query, {**headers, "ali-live-timestamp": str(int(now) + 1)}, b"", AT)
    )
    assert not live.authorize(Hook("GET", "", told.query, headers, b"", AT + timedelta(hours=1)))
    assert (live.parse_event(told).event, live.parse_event(told).name) == (StreamEvent.UNPUBLISHED, NAME)


async def test_a_vendor_forbids_what_must_stop(vendor: Vendor, tmp_path: Path) -> None:
    tencent = TencentLive(settings_for("tencent", vendor.url, tmp_path), FrozenClock(AT))
    vendor.says({"Response": {"RequestId": "1"}})
    await tencent.stop(NAME)
    assert [asked.headers["x-tc-action"] for asked in vendor.asked] == ["ForbidLiveStream", "DropLiveStream"]
    forbidden = orjson.loads(vendor.asked[0].body)
    assert (forbidden["DomainName"], forbidden["StreamName"]) == ("push.example.com", NAME)
    assert forbidden["ResumeTime"] == "2026-05-31T03:00:00Z"  # an hour short of 90 days, the vendor's most

    vendor.asked.clear()
    aliyun = live_for(settings_for("aliyun", vendor.url, tmp_path), FrozenClock(AT))
    vendor.says({"RequestId": "1"})
    await aliyun.stop(NAME)
    [asked] = vendor.asked
    assert asked.headers["x-acs-action"] == "ForbidLiveStream"
    assert parse_qs(urlsplit(asked.target).query)["StreamName"] == [NAME]
