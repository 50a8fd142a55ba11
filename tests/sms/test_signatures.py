"""Signatures, against the examples that the vendors publish. Their keys are part of the examples and open nothing."""

from hashlib import sha256

from providers.clouds import aliyun, tencent

NOTHING = sha256(b"").hexdigest()


def test_aliyun_is_signed_as_in_its_own_example() -> None:
    """RunInstances with fixed values, from “V3 request structure and signature”."""
    query = aliyun.canonical_query(
        {"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}
    )
    headers = {
        "x-acs-version": "2014-05-26",
        "x-acs-action": "RunInstances",
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-content-sha256": NOTHING,
    }

    signed = aliyun.authorization("YourAccessKeyId", "YourAccessKeySecret", query, headers)

    assert signed == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_aliyun_is_asked_in_the_spelling_that_is_signed() -> None:
    query = aliyun.canonical_query({"b": "成 +*~/-_.", "a": '{"code":"123456"}'})

    assert query == "a=%7B%22code%22%3A%22123456%22%7D&b=%E6%88%90%20%2B%2A~%2F-_."


CONTENT = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
TWO = {"host": "cvm.tencentcloudapi.com", "content-type": "application/json; charset=utf-8"}


def test_tencent_is_signed_as_in_its_own_example() -> None:
    """DescribeInstances with fixed values, from “Signature v3”: the two headers that must be signed."""
    signed = tencent.authorization(
        "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE", "cvm", TWO, CONTENT,
        now=1551113065, date="2019-02-25",
    )  # fmt: skip

    assert signed == (
        "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request,"
        " SignedHeaders=content-type;host,"
        " Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
    )


def test_tencent_is_signed_as_in_its_newer_example_with_the_action_among_the_headers() -> None:
    """The same request in the present edition; its key is really 32 asterisks. The action is signed in lower case."""
    signed = tencent.authorization(
        f"AKID{'*' * 32}", "*" * 32, "cvm", {**TWO, "x-tc-action": "DescribeInstances"}, CONTENT,
        now=1551113065, date="2019-02-25",
    )  # fmt: skip

    assert signed.endswith(
        "SignedHeaders=content-type;host;x-tc-action,"
        " Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"
    )
