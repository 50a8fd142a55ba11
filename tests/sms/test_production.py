"""A production server with a real provider, from the command line to the code on the phone."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import orjson
import pytest

from kit.processes import wait_until
from services.ports import Ports
from tests.phone import Phone
from tests.process import PATIENCE_SECONDS, Serving, run_main
from tests.sms.test_vendors import TAKEN
from tests.sms.vendor import ACCOUNT, standing_vendor

PHONE = "+8613900000001"


def production(ports: Ports, **more: str) -> dict[str, str]:
    return {
        "ACADEMY_ENVIRONMENT": "production",
        "ACADEMY_SECRET": "of-this-test-alone-" * 3,
        "ACADEMY_GRAPHIQL": "false",
        "ACADEMY_TRUSTED_PROXIES": "none",
        "ACADEMY_LIVE_INGEST_URL": "rtmp://live.example.com/live",
        "ACADEMY_DATABASE_URL": ports.settings.database_url or "",
        "ACADEMY_REDIS_URL": ports.settings.redis_url or "",
        **more,
    }


@pytest.mark.parametrize("provider", ["aliyun", "tencent"])
async def test_a_code_from_a_production_server_reaches_the_vendor_and_opens_a_session(
    ports: Ports, tmp_path: Path, provider: str
) -> None:
    async with standing_vendor() as vendor:
        vendor.says(TAKEN[provider])
        account = {f"ACADEMY_{name.upper()}": value for name, value in ACCOUNT.items()}
        named = {"ACADEMY_SMS_PROVIDER": provider, "ACADEMY_SMS_ENDPOINT": vendor.url}
        variables = production(ports, **account, **named)
        made = await asyncio.to_thread(run_main, "admin", "create", "--phone", PHONE, "--name", "站长", **variables)
        assert made.returncode == 0, made.stderr
        server = await asyncio.to_thread(Serving(tmp_path / "data", variables=variables).start)

        async with Phone.at(server.address) as phone:
            await phone.send("RequestSignInCode", input={"phone": PHONE, "deviceId": "d"})
            assert await asyncio.to_thread(wait_until, lambda: vendor.asked != [], PATIENCE_SECONDS)
            [asked] = vendor.asked
            sent: dict[str, Any] = asked.query or orjson.loads(asked.body)
            code = orjson.loads(sent["TemplateParam"])["code"] if asked.query else sent["TemplateParamSet"][0]
            proof = {"phone": PHONE, "code": code, "deviceId": "d", "deviceName": "Test"}
            signed_in = await phone.send("SignInWithCode", input=proof)
        stopped = await asyncio.to_thread(server.stop, signal.SIGTERM)

    assert signed_in["signInWithCode"]["userErrors"] == []
    assert signed_in["signInWithCode"]["session"]["accessToken"]
    assert stopped == 0


def test_a_production_server_says_which_settings_of_its_sms_provider_are_missing(ports: Ports, tmp_path: Path) -> None:
    refused = run_main(
        "serve", "--port", "0", "--data-dir", str(tmp_path),
        **production(ports, ACADEMY_SMS_PROVIDER="tencent", ACADEMY_SMS_SIGN_NAME="成长学院"),
    )  # fmt: skip

    said = " ".join(refused.stderr.split())
    assert refused.returncode == 1
    for missing in ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "TEMPLATE", "APP_ID"):
        assert f"ACADEMY_SMS_{missing} is missing: the SMS provider tencent sends nothing without it." in said
    assert "ACADEMY_SMS_SIGN_NAME" not in said
    assert "Traceback" not in said
