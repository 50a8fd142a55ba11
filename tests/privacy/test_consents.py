"""What members agree to: asked, given, taken back, each once and written down."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from kit.clock import FrozenClock
from kit.words import ConsentPurpose
from models.accounts import Member
from models.audit import AuditEntry
from models.consents import ConsentRecord
from services.privacy import TERMS, Terms, consent_text, give_consent, withdraw_consent
from tests.conftest import NOON
from tests.gql import Gql
from tests.world import World

MINE = "{ viewer { consents { purpose version required givenAt withdrawnAt textUrl } } }"
GIVE = """mutation ($input: GiveConsentInput!) {
    giveConsent(input: $input) { consent { purpose version givenAt withdrawnAt } userErrors { code field } } }"""
WITHDRAW = """mutation ($input: WithdrawConsentInput!) {
    withdrawConsent(input: $input) { consent { purpose givenAt withdrawnAt } userErrors { code field } } }"""


def at(minutes: int) -> str:
    """So long after noon, as clients read it."""
    return (NOON + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


@pytest.fixture
async def may(world: World) -> Member:
    return await world.learner("阿May")


async def mine(gql: Gql, by: Member) -> dict[str, dict[str, Any]]:
    answer = await gql.ask(MINE, by=by)
    return {each.pop("purpose"): each for each in answer["data"]["viewer"]["consents"]}


async def test_every_purpose_is_listed_before_anything_was_decided(gql: Gql, may: Member) -> None:
    found = await mine(gql, may)

    assert list(found) == [purpose.value for purpose in ConsentPurpose]
    assert [each["required"] for each in found.values()] == [True, True, False, False]
    assert all(each["givenAt"] is None and each["withdrawnAt"] is None for each in found.values())


async def test_a_consent_is_given_taken_back_and_given_again(gql: Gql, may: Member, clock: FrozenClock) -> None:
    agree, take_back = {"input": {"purpose": "MARKETING", "version": 1}}, {"input": {"purpose": "MARKETING"}}

    given = (await gql.ask(GIVE, agree, by=may))["data"]["giveConsent"]
    clock.advance(timedelta(minutes=1))
    withdrawn = (await gql.ask(WITHDRAW, take_back, by=may))["data"]["withdrawConsent"]
    clock.advance(timedelta(minutes=1))
    again = (await gql.ask(GIVE, agree, by=may))["data"]["giveConsent"]

    assert given["consent"] == {"purpose": "MARKETING", "version": 1, "givenAt": at(0), "withdrawnAt": None}
    assert withdrawn["consent"] == {"purpose": "MARKETING", "givenAt": at(0), "withdrawnAt": at(1)}
    assert again["consent"] == {"purpose": "MARKETING", "version": 1, "givenAt": at(2), "withdrawnAt": None}
    assert (await mine(gql, may))["MARKETING"]["givenAt"] == at(2)
    assert [row.change for row in await ConsentRecord.all().order_by("id")] == ["GIVEN", "WITHDRAWN", "GIVEN"]


async def test_given_or_taken_back_twice_it_is_written_down_once(world: World, may: Member, clock: FrozenClock) -> None:
    actor = await world.actor(may)

    first = await give_consent(world.ports, actor, ConsentPurpose.TERMS, 1)
    clock.advance(timedelta(minutes=1))
    second = await give_consent(world.ports, actor, ConsentPurpose.TERMS, 1)
    for _ in range(2):
        await withdraw_consent(world.ports, actor, ConsentPurpose.MARKETING)

    assert first == second
    [row] = await ConsentRecord.all()
    assert (row.member_id, row.purpose, row.version, row.change) == (may.id, ConsentPurpose.TERMS, 1, "GIVEN")
    [entry] = await AuditEntry.filter(action__startswith="consent.")
    assert (entry.action, entry.actor_id, entry.object_id) == ("consent.given", may.id, may.id)
    assert entry.details == {"purpose": "TERMS", "version": 1}


async def test_of_twenty_at_once_one_is_written_down(world: World, may: Member) -> None:
    actor = await world.actor(may)

    given = await asyncio.gather(*(give_consent(world.ports, actor, ConsentPurpose.ANALYTICS, 1) for _ in range(20)))
    withdrawn = await asyncio.gather(
        *(withdraw_consent(world.ports, actor, ConsentPurpose.ANALYTICS) for _ in range(20))
    )

    assert len(set(given)) == len(set(withdrawn)) == 1
    assert [row.change for row in await ConsentRecord.all().order_by("id")] == ["GIVEN", "WITHDRAWN"]


@pytest.mark.parametrize("purpose", [purpose for purpose, terms in TERMS.items() if terms.required])
async def test_a_required_one_is_not_taken_back(gql: Gql, world: World, may: Member, purpose: ConsentPurpose) -> None:
    await give_consent(world.ports, await world.actor(may), purpose, 1)

    answer = await gql.ask(WITHDRAW, {"input": {"purpose": purpose.value}}, by=may)

    refused = {"consent": None, "userErrors": [{"code": "STATE_FORBIDS", "field": ["purpose"]}]}
    assert answer["data"]["withdrawConsent"] == refused
    assert [row.change for row in await ConsentRecord.all()] == ["GIVEN"]


@pytest.mark.parametrize(("version", "code"), [(2, "CONFLICT"), (4, "BAD_USER_INPUT"), (0, "BAD_USER_INPUT")])
async def test_only_the_present_version_is_agreed_to(
    gql: Gql, may: Member, monkeypatch: pytest.MonkeyPatch, version: int, code: str
) -> None:
    monkeypatch.setitem(TERMS, ConsentPurpose.MARKETING, Terms(version=3, required=False))

    answer = await gql.ask(GIVE, {"input": {"purpose": "MARKETING", "version": version}}, by=may)

    assert answer["data"]["giveConsent"] == {"consent": None, "userErrors": [{"code": code, "field": ["version"]}]}
    assert not await ConsentRecord.exists()


async def test_a_new_version_is_asked_for_and_the_old_consent_can_still_be_taken_back(
    gql: Gql, world: World, may: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = await world.actor(may)
    await give_consent(world.ports, actor, ConsentPurpose.MARKETING, 1)
    monkeypatch.setitem(TERMS, ConsentPurpose.MARKETING, Terms(version=2, required=False))

    asked = (await mine(gql, may))["MARKETING"]
    withdrawn = await withdraw_consent(world.ports, actor, ConsentPurpose.MARKETING)

    assert (asked["version"], asked["givenAt"], asked["withdrawnAt"]) == (2, None, None)
    assert withdrawn.withdrawn_at is not None
    assert [(row.version, row.change) for row in await ConsentRecord.all().order_by("id")] == [
        (1, "GIVEN"),
        (1, "WITHDRAWN"),
    ]


async def test_an_unknown_purpose_is_no_request_at_all(gql: Gql, may: Member) -> None:
    answer = await gql.ask(GIVE, {"input": {"purpose": "SELLING_IT_ALL", "version": 1}}, by=may)

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert not await ConsentRecord.exists()


async def test_signed_out_nothing_is_agreed_to(gql: Gql) -> None:
    for source, fields in ((GIVE, {"version": 1}), (WITHDRAW, {})):
        answer = await gql.ask(source, {"input": {"purpose": "MARKETING", **fields}})
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_learning_goes_on_before_anything_was_agreed_to(world: World, may: Member) -> None:
    course = await world.course()

    await world.studies(may, course)

    assert not await ConsentRecord.exists()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_every_version_of_every_text_can_be_read_in_both_languages(gql: Gql, may: Member, language: str) -> None:
    response = await gql.post({"query": MINE}, by=may, headers={"accept-language": language})
    urls = [each["textUrl"] for each in response.json()["data"]["viewer"]["consents"]]

    pages = [await gql.http.get(url) for url in urls]

    assert len({page.text for page in pages}) == len(ConsentPurpose)
    for page in pages:
        assert page.status_code == 200
        assert f'lang="{language}"' in page.text
        assert 3 <= page.text.count("<p>") <= 10
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
    for purpose, terms in TERMS.items():
        for version in range(1, terms.version + 1):
            assert consent_text(purpose.value.lower(), str(version), language)


@pytest.mark.parametrize(
    "path",
    ["terms/2/en", "terms/1/fr", "selling/1/en", "terms/01/en", "TERMS/1/en", "..%2Fterms/1/en", "terms/1/en.md"],
)
async def test_what_is_no_text_of_ours_is_not_found(gql: Gql, path: str) -> None:
    assert (await gql.http.get(f"/consents/{path}")).status_code == 404
