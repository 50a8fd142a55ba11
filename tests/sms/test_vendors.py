"""Aliyun and Tencent Cloud over real HTTP, in the shapes of answer that they publish."""

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
from providers import wire
from providers.clouds import aliyun, tencent
from providers.known import require_known_providers
from providers.sms.aliyun import ENDPOINT as ALIYUN
from providers.sms.aliyun import AliyunSms
from providers.sms.base import NotSent
from providers.sms.registry import SMS, sms_for
from providers.sms.tencent import ENDPOINT as TENCENT
from providers.sms.tencent import TencentSms
from tests.sms.vendor import ACCOUNT, Vendor, standing_vendor

PHONE, CODE = "+8613800138000", "274613"
ABROAD = "+85261234567"
VENDORS = ["aliyun", "tencent"]

TAKEN: dict[str, Any] = {
    "aliyun": {"Message": "OK", "RequestId": "873043ac-bcda-44db-9052-2e204c6ed20f", "BizId": "607300^0", "Code": "OK"},
    "tencent": {
        "Response": {
            "SendStatusSet": [
                {
                    "SerialNo": "5000:1045710669157053657849499619", "PhoneNumber": PHONE, "Fee": 1,
                    "SessionContext": "", "Code": "Ok", "Message": "send success", "IsoCode": "CN",
                }
            ],
            "RequestId": "a0aabda6-cf91-4f3e-a81f-9198114a2279",
        }
    },
}  # fmt: skip


def aliyun_says(word: str) -> Any:
    return {"RequestId": "F655A8D5-B967-440B-8683-DAD6FF8DE990", "Message": f"{PHONE} {CODE}", "Code": word}


def tencent_says(word: str) -> Any:
    return {"Response": {"Error": {"Code": word, "Message": f"{PHONE} {CODE}"}, "RequestId": "ed93f3cb"}}


def tencent_says_of_the_message(word: str) -> Any:
    status = {"SerialNo": "", "PhoneNumber": PHONE, "Fee": 0, "Code": word, "Message": CODE, "IsoCode": "CN"}
    return {"Response": {"SendStatusSet": [status], "RequestId": "ed93f3cb"}}


def settings_for(name: str, url: str, **more: Any) -> Settings:
    return Settings(sms_provider=name, sms_endpoint=url, **{**ACCOUNT, **more})


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with standing_vendor() as standing:
        yield standing


@pytest.fixture(params=VENDORS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def refused(name: str, url: str, phone: str = PHONE, **more: Any) -> NotSent:
    with pytest.raises(NotSent) as error:
        await sms_for(settings_for(name, url, **more)).send_code(phone, CODE)
    return error.value


@pytest.mark.parametrize("provider", list(SMS))
async def test_every_provider_takes_a_code_once_and_shows_no_more_of_a_number_than_its_end(
    vendor: Vendor, capfd: pytest.CaptureFixture[str], provider: str
) -> None:
    """The contract of providers/sms/base.py: whoever adds a provider adds its vendor's answer to one taken."""
    vendor.says(TAKEN.get(provider, {}))

    await sms_for(settings_for(provider, vendor.url)).send_code(PHONE, CODE)

    assert len(vendor.asked) == (provider in TAKEN)
    out, err = capfd.readouterr()
    assert PHONE[3:] not in out + err


async def test_aliyun_is_asked_for_one_signed_message(vendor: Vendor) -> None:
    vendor.says(TAKEN["aliyun"])

    await sms_for(settings_for("aliyun", vendor.url)).send_code(PHONE, CODE)

    [asked] = vendor.asked
    assert asked.query == {
        "PhoneNumbers": "13800138000",
        "SignName": "成长学院",
        "TemplateCode": "SMS_1001",
        "TemplateParam": '{"code":"274613"}',
    }
    assert (asked.headers["x-acs-action"], asked.headers["x-acs-version"], asked.body) == ("SendSms", "2017-05-25", b"")
    signed = {name: asked.headers[name] for name in asked.headers if name.startswith("x-acs-") or name == "host"}
    again = aliyun.authorization(
        ACCOUNT["sms_access_key_id"], ACCOUNT["sms_access_key_secret"], asked.target.removeprefix("/?"), signed
    )
    assert asked.headers["authorization"] == again


async def test_no_two_requests_to_aliyun_have_one_nonce(vendor: Vendor) -> None:
    vendor.says(TAKEN["aliyun"])
    sms = sms_for(settings_for("aliyun", vendor.url))

    for _ in range(2):
        await sms.send_code(PHONE, CODE)

    first, second = (asked.headers["x-acs-signature-nonce"] for asked in vendor.asked)
    assert first != second


async def test_tencent_is_asked_for_one_signed_message(vendor: Vendor) -> None:
    vendor.says(TAKEN["tencent"])

    await sms_for(settings_for("tencent", vendor.url, sms_region="ap-nanjing")).send_code(PHONE, CODE)

    [asked] = vendor.asked
    assert orjson.loads(asked.body) == {
        "PhoneNumberSet": [PHONE],
        "SmsSdkAppId": "1400006666",
        "SignName": "成长学院",
        "TemplateId": "SMS_1001",
        "TemplateParamSet": [CODE],
    }
    told = [asked.headers[f"x-tc-{each}"] for each in ("action", "version", "region")]
    assert told == ["SendSms", "2021-01-11", "ap-nanjing"]
    scope = re.search(r"/(\d{4}-\d\d-\d\d)/sms/tc3_request", asked.headers["authorization"])
    assert scope is not None
    again = tencent.authorization(
        ACCOUNT["sms_access_key_id"], ACCOUNT["sms_access_key_secret"], "sms",
        {name: asked.headers[name] for name in ("content-type", "host", "x-tc-action")}, asked.body,
        now=int(asked.headers["x-tc-timestamp"]), date=scope[1],
    )  # fmt: skip
    assert asked.headers["authorization"] == again


@pytest.mark.parametrize(
    ("provider", "answer", "code", "again"),
    [
        ("aliyun", aliyun_says("isv.BUSINESS_LIMIT_CONTROL"), ErrorCode.THROTTLED, False),
        ("aliyun", aliyun_says("isv.DAY_LIMIT_CONTROL"), ErrorCode.THROTTLED, False),
        ("aliyun", aliyun_says("Throttling.User"), ErrorCode.THROTTLED, True),
        ("aliyun", aliyun_says("isv.AMOUNT_NOT_ENOUGH"), ErrorCode.UNAVAILABLE, False),
        ("aliyun", aliyun_says("SignatureDoesNotMatch"), ErrorCode.UNAVAILABLE, False),
        ("tencent", tencent_says_of_the_message("LimitExceeded.PhoneNumberDailyLimit"), ErrorCode.THROTTLED, False),
        ("tencent", tencent_says("RequestLimitExceeded.UinLimitExceeded"), ErrorCode.THROTTLED, True),
        ("tencent", tencent_says("AuthFailure.SignatureFailure"), ErrorCode.UNAVAILABLE, False),
        (
            "tencent", tencent_says_of_the_message("FailedOperation.InsufficientBalanceInSmsPackage"),
            ErrorCode.UNAVAILABLE, False,
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "503 Service Unavailable"])
async def test_what_a_vendor_says_is_understood_whatever_the_status(
    vendor: Vendor, provider: str, answer: Any, code: ErrorCode, again: bool, status: str
) -> None:
    vendor.says(answer, status)

    error = await refused(provider, vendor.url)

    assert (error.code, error.again) == (code, again)
    assert error.reason in orjson.dumps(answer).decode()
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html><body>502 Bad Gateway</body></html>", b'{"Code": "OK"', b"[]", b"null", b'"OK"', b"\xff\xfe",
        b'{"Code": NaN}', b"[" * 60_000, b'{"Response": []}', b'{"Response": {"SendStatusSet": []}}',
        b'{"Response": {"SendStatusSet": [{"Code": 5}]}, "Code": 5}', b'{"Code": ["OK"]}',
    ],
)  # fmt: skip
async def test_an_answer_that_says_nothing_is_no_success_and_nothing_to_repeat(
    vendor: Vendor, name: str, body: bytes
) -> None:
    vendor.says(body, "502 Bad Gateway", "text/html")

    error = await refused(name, vendor.url)

    assert (error.code, error.again, len(vendor.asked)) == (ErrorCode.UNAVAILABLE, False, 1)


@pytest.mark.parametrize("word", [f"limit of {PHONE}", CODE, PHONE, "x" * 500, "a\nb"])
async def test_a_word_that_could_repeat_what_was_sent_is_not_passed_on(vendor: Vendor, name: str, word: str) -> None:
    vendor.says({"Code": word, "Response": {"Error": {"Code": word}}})

    error = await refused(name, vendor.url)

    assert error.reason == "unreadable"


async def test_a_huge_answer_is_not_read_to_its_end(vendor: Vendor, name: str) -> None:
    vendor.answer = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (wire.LARGEST_ANSWER + 1)

    error = await refused(name, vendor.url)

    assert (error.reason, error.again) == ("answer too large", False)


async def test_a_redirect_is_not_followed(vendor: Vendor, name: str) -> None:
    vendor.answer = f"HTTP/1.1 307 Temporary Redirect\r\nlocation: {vendor.url}/x\r\ncontent-length: 0\r\n\r\n".encode()

    error = await refused(name, vendor.url)

    assert (error.again, len(vendor.asked)) == (False, 1)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{", b"who are you\r\n\r\n"])
async def test_a_request_that_may_have_arrived_is_not_to_be_repeated(vendor: Vendor, name: str, answer: bytes) -> None:
    vendor.answer = answer

    error = await refused(name, vendor.url)

    assert (error.code, error.reason, error.again) == (ErrorCode.UNAVAILABLE, "unanswered", False)
    assert len(vendor.asked) == 1


async def test_a_vendor_that_never_answers_is_given_up(
    vendor: Vendor, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "TOTAL_SECONDS", 0.2)
    vendor.hang = True

    error = await refused(name, vendor.url)

    assert (error.reason, error.again, len(vendor.asked)) == ("unanswered", False, 1)


async def test_a_vendor_out_of_reach_may_be_tried_again(name: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # taken, and nobody listens

        error = await refused(name, f"http://127.0.0.1:{free.getsockname()[1]}")

    assert (error.code, error.reason, error.again) == (ErrorCode.UNAVAILABLE, "unreachable", True)


async def test_a_server_that_speaks_no_tls_gets_nothing(vendor: Vendor, name: str) -> None:
    error = await refused(name, vendor.url.replace("http:", "https:"))

    assert (error.reason, error.again, vendor.asked) == ("unreachable", True, [])


async def test_numbers_abroad_need_their_own_template(vendor: Vendor, name: str) -> None:
    vendor.says(TAKEN[name])
    error = await refused(name, vendor.url, ABROAD)
    assert (error.reason, error.again, vendor.asked) == ("no template for numbers abroad", False, [])

    await sms_for(settings_for(name, vendor.url, sms_template_abroad="SMS_2002")).send_code(ABROAD, CODE)

    [asked] = vendor.asked
    sent = asked.query or orjson.loads(asked.body)
    assert sent.get("TemplateCode", sent.get("TemplateId")) == "SMS_2002"
    assert sent.get("PhoneNumbers", sent.get("PhoneNumberSet")) in ("85261234567", [ABROAD])


@pytest.mark.parametrize("word", ["OK", "Ok", "isv.MOBILE_NUMBER_ILLEGAL"])
async def test_no_log_at_any_level_holds_a_number_a_code_or_a_key(
    vendor: Vendor, name: str, word: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for logger in ("httpx", "httpcore", "asyncio"):
        caplog.set_level(logging.DEBUG, logger)
    vendor.says({**aliyun_says(word), **tencent_says_of_the_message(word)})
    sms = sms_for(settings_for(name, vendor.url))
    shown = repr(sms) + repr(vars(sms))

    try:
        await sms.send_code(PHONE, CODE)
    except NotSent as error:
        shown += f"{error!r} {error} {error.reason} {error.extensions} {error.__cause__}"

    assert len(vendor.asked) == 1
    out, err = capfd.readouterr()
    assert "httpcore" in caplog.text
    for private in (PHONE[3:], CODE, ACCOUNT["sms_access_key_id"], ACCOUNT["sms_access_key_secret"]):
        assert private not in caplog.text + shown + out + err


@pytest.mark.parametrize("empty", ["", None])
def test_what_a_provider_needs_and_has_not_is_named_at_the_start(name: str, empty: str | None) -> None:
    nothing = read_settings(sms_provider=name, **dict.fromkeys(ACCOUNT, empty))

    with pytest.raises(UnsafeSettings) as refusal:
        require_known_providers(nothing)

    said = str(refusal.value).splitlines()
    needed = [each for each in ACCOUNT if each != "sms_app_id" or name == "tencent"]
    assert said == [
        f"ACADEMY_{each.upper()} is missing: the SMS provider {name} sends nothing without it." for each in needed
    ]
    require_known_providers(settings_for(name, "https://sms.example.com"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("sms_endpoint", "http://sms.example.com"), ("sms_endpoint", "sms.example.com"), ("sms_endpoint", "https://"),
        ("sms_endpoint", "https://sms.example.com/path"), ("sms_endpoint", "https://a:b@sms.example.com"),
        ("sms_endpoint", "https://sms.example.com:port"), ("sms_access_key_id", "key\n"),
        ("sms_access_key_secret", "sec ret"), ("sms_access_key_secret", "密钥"), ("sms_region", "ap-guang zhou"),
    ],
)  # fmt: skip
def test_a_setting_that_could_not_work_is_named_without_its_value(setting: str, value: str) -> None:
    with pytest.raises(UnsafeSettings) as refusal:
        read_settings(**{setting: value})

    said = str(refusal.value)
    assert said.startswith(f"ACADEMY_{setting.upper()}: give ")
    assert value not in said.replace("https://host", "")


def test_settings_show_no_keys() -> None:
    settings = settings_for("aliyun", "")

    shown = repr(settings) + str(settings.model_dump()) + settings.model_dump_json()

    assert settings.sms_endpoint is None
    assert "key-id" not in shown
    assert "key-secret" not in shown


def test_without_an_endpoint_the_vendors_published_addresses_are_asked() -> None:
    assert ALIYUN == "https://dysmsapi.aliyuncs.com"
    assert TENCENT == "https://sms.tencentcloudapi.com"
    given = settings_for("aliyun", "")
    assert AliyunSms(given, SystemClock())._account.endpoint == ALIYUN
    assert TencentSms(given, SystemClock())._account.endpoint == TENCENT
