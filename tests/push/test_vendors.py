"""JPush, a server of the distributor's own, and robots in groups of staff: over real HTTP, in the shapes of answer that
are published."""

import base64
import hashlib
import hmac
import logging
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from kit.clock import SystemClock
from kit.errors import ErrorCode
from kit.settings import Settings, UnsafeSettings, read_settings
from kit.words import PushProvider
from providers import wire
from providers.known import require_known_providers
from providers.push import robots
from providers.push.base import Message, NotPushed, Phone
from providers.push.registry import PUSH, push_for
from providers.push.robots import GroupRobot, robots_for
from tests.sms.vendor import Asked, Vendor, standing_vendor

MESSAGE = Message("LIVE_SOON", "直播马上开始", "「陈列入门」10分钟后开始，快来吧。", "/live/x", 600)
PHONE = Phone(PushProvider.JPUSH, "1a0018970a8e1b2c3d4")
KEY, SECRET = "7d431e42dfa6a6d693ac2d04", "5e987ac6d2e04d95a9d8f0d1"

TAKEN: dict[str, Any] = {"jpush": {"sendno": "0", "msg_id": "18103083292408631"}, "webhook": {}}


def jpush_says(code: int) -> Any:
    return {"msg_id": 3125719446, "error": {"code": code, "message": f"{PHONE.token} {MESSAGE.text}"}}


def settings_for(name: str, url: str, **more: Any) -> Settings:
    return Settings(
        push_provider=name, push_app_key=KEY, push_master_secret=SECRET, push_endpoint=url, **more
    )  # fmt: skip


def phones(count: int) -> list[Phone]:
    return [Phone(PushProvider.JPUSH, f"id{number:04}") for number in range(count)]


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with standing_vendor() as standing:
        yield standing


async def refused(name: str, url: str, some: list[Phone] | None = None) -> NotPushed:
    with pytest.raises(NotPushed) as error:
        await push_for(settings_for(name, url)).push(MESSAGE, some or [PHONE])
    return error.value


@pytest.mark.parametrize("provider", list(PUSH))
async def test_every_provider_takes_a_message_once_and_writes_no_token_and_no_text_anywhere(
    vendor: Vendor, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, provider: str
) -> None:
    """The contract of providers/push/base.py: whoever adds a provider adds its vendor's answer to one taken."""
    caplog.set_level(logging.DEBUG)
    vendor.says(TAKEN.get(provider, {}))
    push = push_for(settings_for(provider, vendor.url))

    gone = await push.push(MESSAGE, [PHONE])

    assert gone == frozenset()
    assert PHONE.provider in push.carries
    assert push.most >= 100
    assert len(vendor.asked) == (provider in TAKEN)
    out, err = capfd.readouterr()
    for secret in (PHONE.token, MESSAGE.text, KEY, SECRET):
        assert secret not in out + err + caplog.text


@pytest.mark.parametrize("provider", list(TAKEN))
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{", b"who are you\r\n\r\n"])
async def test_an_answer_that_is_lost_is_asked_for_again(vendor: Vendor, provider: str, answer: bytes) -> None:
    vendor.answer = answer

    error = await refused(provider, vendor.url)

    assert (error.code, error.again, len(vendor.asked)) == (ErrorCode.UNAVAILABLE, True, 1)


@pytest.mark.parametrize("provider", list(TAKEN))
async def test_a_vendor_that_is_away_or_never_answers_is_tried_again(
    vendor: Vendor, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "TOTAL_SECONDS", 0.2)
    vendor.hang = True
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))

        silent = await refused(provider, vendor.url)
        away = await refused(provider, f"http://127.0.0.1:{unheard.getsockname()[1]}")

    assert [(error.reason, error.again) for error in (silent, away)] == [("unanswered", True), ("unreachable", True)]


async def test_jpush_is_asked_for_one_message_to_all_the_phones(vendor: Vendor) -> None:
    vendor.says(TAKEN["jpush"])

    await push_for(settings_for("jpush", vendor.url)).push(MESSAGE, phones(3))

    [asked] = vendor.asked
    assert asked.target == "/v3/push"
    # The published example of the header: base64 of appKey:masterSecret.
    assert (
        asked.headers["authorization"] == "Basic N2Q0MzFlNDJkZmE2YTZkNjkzYWMyZDA0OjVlOTg3YWM2ZDJlMDRkOTVhOWQ4ZjBkMQ=="
    )
    extras = {"kind": "LIVE_SOON", "link": "/live/x"}
    assert orjson.loads(asked.body) == {
        "platform": "all",
        "audience": {"registration_id": ["id0000", "id0001", "id0002"]},
        "notification": {
            "android": {"title": MESSAGE.title, "alert": MESSAGE.text, "extras": extras},
            "ios": {
                "alert": {"title": MESSAGE.title, "body": MESSAGE.text},
                "sound": "default", "badge": "+1", "extras": extras,
            },
        },
        "options": {"time_to_live": 600, "apns_production": True},
    }  # fmt: skip


async def test_a_long_message_fits_into_what_jpush_takes(vendor: Vendor) -> None:
    vendor.says(TAKEN["jpush"])
    long = Message("STORY_REFUSED", "店" * 500, "长" * 2000, "/stories/x", 30 * 86400)

    await push_for(settings_for("jpush", vendor.url)).push(long, [PHONE])

    sent = orjson.loads(vendor.asked[0].body)
    for system in ("android", "ios"):
        assert len(orjson.dumps(sent["notification"][system])) < 1000
    assert sent["notification"]["android"]["alert"].endswith("…")
    assert sent["options"]["time_to_live"] == 10 * 86400


@pytest.mark.parametrize(
    ("status", "code", "again", "kind"),
    [
        ("500 x", 1000, True, ErrorCode.UNAVAILABLE),
        ("503 x", 1030, True, ErrorCode.UNAVAILABLE),
        ("429 x", 2002, True, ErrorCode.THROTTLED),
        ("401 x", 1004, True, ErrorCode.UNAVAILABLE),  # whoever puts the key right finds what is still good
        ("400 x", 1008, True, ErrorCode.UNAVAILABLE),
        ("400 x", 1002, False, ErrorCode.UNAVAILABLE),
        ("400 x", 1005, False, ErrorCode.UNAVAILABLE),
    ],
)
async def test_jpushs_refusals_are_told_apart(
    vendor: Vendor, status: str, code: int, again: bool, kind: ErrorCode
) -> None:
    vendor.says(jpush_says(code), status)

    error = await refused("jpush", vendor.url)

    assert (error.reason, error.again, error.code) == (str(code), again, kind)


@pytest.mark.parametrize(
    ("status", "body"),
    [("200 OK", {}), ("200 OK", []), ("502 x", b"<html>Bad Gateway</html>"), ("500 x", {"msg_id": "1"})],
)
async def test_what_jpush_does_not_publish_is_no_promise_that_it_was_taken(
    vendor: Vendor, status: str, body: object
) -> None:
    vendor.says(body, status)

    error = await refused("jpush", vendor.url)

    assert error.again


async def test_phones_that_jpush_no_longer_knows_are_gone(vendor: Vendor) -> None:
    vendor.says(jpush_says(1011), "400 Bad Request")
    some = phones(3)

    gone = await push_for(settings_for("jpush", vendor.url)).push(MESSAGE, some)

    assert gone == frozenset(some)


async def test_one_id_that_never_was_one_is_found_among_hundreds_and_the_others_hear_it_once(vendor: Vendor) -> None:
    some = phones(300)
    bad = some[171].token
    heard: list[str] = []

    def answer(asked: Asked) -> None:
        ids = orjson.loads(asked.body)["audience"]["registration_id"]
        if bad in ids:
            vendor.says(jpush_says(1003), "400 Bad Request")
        else:
            heard.extend(ids)
            vendor.says(TAKEN["jpush"])

    vendor.on_ask = answer

    gone = await push_for(settings_for("jpush", vendor.url)).push(MESSAGE, some)

    assert gone == {some[171]}
    assert sorted(heard) == [phone.token for phone in some if phone.token != bad]
    assert len(vendor.asked) <= 20


async def test_a_message_that_jpush_does_not_like_costs_nobody_their_phone(vendor: Vendor) -> None:
    vendor.says(jpush_says(1003), "400 Bad Request")

    error = await refused("jpush", vendor.url, phones(4))

    assert (error.reason, error.again) == ("1003", False)


async def test_a_server_of_ones_own_is_told_everything_and_can_check_who_it_was(vendor: Vendor) -> None:
    vendor.says({"gone": ["id0001", "unknown"]})

    gone = await push_for(settings_for("webhook", f"{vendor.url}/push/in")).push(MESSAGE, phones(2))

    [asked] = vendor.asked
    assert asked.target == "/push/in"
    assert orjson.loads(asked.body) == {
        "kind": MESSAGE.kind, "title": MESSAGE.title, "text": MESSAGE.text, "link": MESSAGE.link, "goodForSeconds": 600,
        "phones": [{"provider": "JPUSH", "token": "id0000"}, {"provider": "JPUSH", "token": "id0001"}],
    }  # fmt: skip
    signed = f"{asked.headers['x-academy-timestamp']}.".encode() + asked.body
    right = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert asked.headers["x-academy-signature"] == f"sha256={right}"
    assert gone == {phones(2)[1]}


@pytest.mark.parametrize(
    ("status", "again"), [("500 x", True), ("503 x", True), ("429 x", True), ("400 x", False), ("403 x", False)]
)
async def test_a_server_of_ones_own_says_by_its_status_whether_to_come_again(
    vendor: Vendor, status: str, again: bool
) -> None:
    vendor.says({}, status)

    error = await refused("webhook", vendor.url)

    assert (error.reason, error.again) == (status.split(" ")[0], again)


@pytest.mark.parametrize("answer", [{"gone": None}, {"gone": "id0000"}, {"gone": {"id0000": 1}}, {"gone": [1, None]}])
async def test_nonsense_about_phones_that_are_gone_drops_none(vendor: Vendor, answer: object) -> None:
    vendor.says(answer)

    gone = await push_for(settings_for("webhook", vendor.url)).push(MESSAGE, phones(1))

    assert gone == frozenset()


# Robots


def robot(vendor: Vendor, secret: str = "") -> GroupRobot:
    return GroupRobot(f"{vendor.url}/robot/send?access_token=abc{secret and '#' + secret}", SystemClock())


async def test_a_robot_says_one_text_and_dingtalks_is_signed(vendor: Vendor) -> None:
    vendor.says({"errcode": 0, "errmsg": "ok"})

    await robot(vendor, "SEC0123").say("直播改期", "「陈列入门」改到明天。")

    [asked] = vendor.asked
    assert orjson.loads(asked.body) == {
        "msgtype": "text", "text": {"content": "【成长学院】直播改期\n「陈列入门」改到明天。"},
    }  # fmt: skip
    query = asked.query
    right = hmac.new(b"SEC0123", f"{query['timestamp']}\nSEC0123".encode(), hashlib.sha256).digest()
    assert (query["access_token"], query["sign"]) == ("abc", base64.b64encode(right).decode())
    assert re.fullmatch(r"\d{13}", query["timestamp"])


def test_the_signature_is_that_of_dingtalks_own_recipe() -> None:
    # HmacSHA256(key=secret, timestamp + "\n" + secret), base64; computed with openssl.
    assert robots.signature("this is secret", "1577262236757") == "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="


async def test_a_robot_without_a_secret_is_asked_as_its_address_says(vendor: Vendor) -> None:
    vendor.says({"errcode": 0, "errmsg": "ok"})

    await robot(vendor).say("直播开始", "长" * 2000)

    [asked] = vendor.asked
    assert asked.target == "/robot/send?access_token=abc"
    assert len(orjson.loads(asked.body)["text"]["content"].encode()) <= 2048


@pytest.mark.parametrize(
    ("body", "again"),
    [
        ({"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}, True),
        ({"errcode": 45009, "errmsg": "api freq out of limit"}, True),
        ({"errcode": -1, "errmsg": "system busy"}, True),
        ({}, True),
        ({"errcode": 310000, "errmsg": "sign not match"}, False),
        ({"errcode": 300001, "errmsg": "token is not exist"}, False),
        ({"errcode": 93000, "errmsg": "invalid webhook url"}, False),
    ],
)
async def test_what_a_group_refuses_is_told_apart(vendor: Vendor, body: dict[str, Any], again: bool) -> None:
    vendor.says(body)

    with pytest.raises(NotPushed) as error:
        await robot(vendor).say("直播开始", "来吧")

    assert error.value.again is again


def test_the_name_of_a_robot_does_not_let_one_speak() -> None:
    addresses = (
        "https://oapi.dingtalk.com/robot/send?access_token=abcdef#SEC0123 "
        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx"
    )

    first, second = robots_for(Settings(staff_robots=addresses))  # type: ignore[arg-type]

    assert re.fullmatch(r"oapi\.dingtalk\.com-[0-9a-f]{8}", first.name)
    assert re.fullmatch(r"qyapi\.weixin\.qq\.com-[0-9a-f]{8}", second.name)


# Settings


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"push_provider": "pigeon"}, "ACADEMY_PUSH_PROVIDER is 'pigeon': set it to jpush or log or webhook."),
        ({"push_provider": "jpush"}, "ACADEMY_PUSH_APP_KEY is missing"),
        ({"push_provider": "jpush", "push_app_key": KEY}, "ACADEMY_PUSH_MASTER_SECRET is missing"),
        ({"push_provider": "webhook", "push_master_secret": SECRET}, "ACADEMY_PUSH_ENDPOINT is missing"),
    ],
)
def test_a_start_names_what_a_push_provider_needs(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsafeSettings, match=re.escape(said)):
        require_known_providers(Settings(**given))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("push_endpoint", "http://push.example.com"),
        ("push_endpoint", "https://name:word@push.example.com"),
        ("push_endpoint", "https://"),
        ("push_app_key", "a b"),
        ("push_master_secret", "a\n"),
        ("staff_robots", "http://oapi.dingtalk.com/robot/send?access_token=secret-token"),
        ("staff_robots", "https://oapi.dingtalk.com/x, secret-token"),
    ],
)
def test_an_address_or_key_that_cannot_be_right_is_named_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(UnsafeSettings, match=f"ACADEMY_{name.upper()}") as error:
        read_settings(**{name: value})

    assert "secret-token" not in str(error.value)
    assert "word" not in str(error.value)
