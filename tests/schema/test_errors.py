"""Errors as clients meet them: codes that stay, sentences for shop owners in two languages, exact paths."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType

from kit.errors import DomainError, ErrorCode, bad_input
from kit.words import Language
from schema.error_codes import GUIDE
from schema.errors import MESSAGES, UserError, message_of
from server.api import schema
from tests.gql import Gql
from tests.world import World

ROOT = Path(__file__).parents[2]

RELEASED = """
UNAUTHENTICATED FORBIDDEN THROTTLED QUERY_TOO_COMPLEX PERSISTED_QUERY_NOT_FOUND UNAVAILABLE INTERNAL NOT_FOUND
BAD_USER_INPUT CONFLICT CODE_WRONG CODE_EXPIRED CREDENTIALS_WRONG SESSION_EXPIRED SESSION_REUSED LESSON_LOCKED
LESSON_UNAVAILABLE SPAN_IMPOSSIBLE TIME_IN_FUTURE TOO_LATE TOO_FAST EVENT_ID_REUSED BATCH_TOO_LARGE
IDEMPOTENCY_KEY_REUSED BALANCE_TOO_LOW OUT_OF_STOCK LIMIT_REACHED NOT_OPEN CLOSED FULL HOST_BUSY STATE_FORBIDS
ALREADY_DONE UPLOAD_INVALID
"""
"""What apps were built on. Codes are added to the enum, and never leave it."""

JARGON = re.compile(
    r"\b(tokens?|ids?|null|inputs?|idempotenc\w+|invalid|queries|query|payload|span|server|parameter|session key)\b",
    re.I,
)
LONGEST_CHINESE, LONGEST_ENGLISH = 24, 80


def test_a_code_that_was_released_stays() -> None:
    assert set(RELEASED.split()) - {code.value for code in ErrorCode} == set()
    assert {code.name for code in ErrorCode} == {code.value for code in ErrorCode}


@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_has_a_short_plain_sentence_in_both_languages(code: ErrorCode) -> None:
    chinese, english = message_of(code, Language.CHINESE), message_of(code, Language.ENGLISH)

    assert re.fullmatch(r"[\u4e00-\u9fff，、]+", chinese), chinese
    assert len(chinese) <= LONGEST_CHINESE
    assert english.isascii()
    assert re.fullmatch(r"[A-Z].*\.", english), english
    assert len(english) <= LONGEST_ENGLISH
    assert not JARGON.search(english), english


@pytest.mark.parametrize("code", ErrorCode)
def test_a_user_error_carries_code_sentence_and_path(code: ErrorCode) -> None:
    error = DomainError(code, field=["events", "3", "spans"])

    for language in Language:
        shown = UserError.of(error, language)
        assert (shown.code, shown.message, shown.field) == (code, message_of(code, language), ["events", "3", "spans"])
    assert UserError.of(DomainError(code), Language.ENGLISH).field is None


def test_every_code_is_explained_to_developers() -> None:
    assert set(GUIDE) == set(MESSAGES) == set(ErrorCode)


@pytest.mark.parametrize(
    ("wish", "language"),
    [
        ("zh-CN", Language.CHINESE), ("en", Language.ENGLISH), ("en-GB,en;q=0.9", Language.ENGLISH),
        ("fr", Language.CHINESE), ("", Language.CHINESE), ("en;q=0.5, zh-TW;q=0.8", Language.CHINESE),
    ],
)  # fmt: skip
async def test_the_sentence_follows_accept_language(gql: Gql, world: World, wish: str, language: Language) -> None:
    may = await world.learner()
    document = (
        'mutation { updateProfile(input: {displayName: ""}) { userErrors { code message field } } }'
        if language is Language.ENGLISH
        else 'mutation { updateProfile(input: {displayName: " "}) { userErrors { code message field } } }'
    )

    answer = await gql.post({"query": document}, by=may, headers={"accept-language": wish})
    [error] = answer.json()["data"]["updateProfile"]["userErrors"]
    refused = await gql.post({"query": "{ outlets { totalCount } }"}, headers={"accept-language": wish})

    expected = UserError.of(bad_input("displayName"), language)
    assert (error["code"], error["message"], error["field"]) == (expected.code, expected.message, ["displayName"])
    assert refused.json()["errors"][0]["message"] == message_of(ErrorCode.UNAUTHENTICATED, language)


def named_fields() -> Iterator[tuple[str, str]]:
    """(file:line, a name in the path of an error) wherever our code writes one down."""
    for top in ("auth", "gamification", "kit", "resolvers", "schema", "services"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                called = ast.unparse(node.func)
                given: list[ast.expr] = []
                if called in ("bad_input", "not_found"):
                    given = node.args
                for keyword in node.keywords:
                    if (
                        called == "DomainError"
                        and keyword.arg == "field"
                        and isinstance(keyword.value, ast.List | ast.Tuple)
                    ):
                        given = keyword.value.elts
                for each in given:
                    if isinstance(each, ast.Constant) and isinstance(each.value, str):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", each.value


def test_the_path_of_an_error_names_fields_that_clients_know() -> None:
    inputs = [kind for kind in schema.graphql_schema.type_map.values() if isinstance(kind, GraphQLInputObjectType)]
    shown = [
        field
        for kind in schema.graphql_schema.type_map.values()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        for field in kind.fields.values()
    ]
    known = {name for kind in inputs for name in kind.fields} | {name for field in shown for name in field.args}

    found = list(named_fields())
    unknown = [f"{place} {name}" for place, name in found if name not in known | set(ELSEWHERE)]

    assert len(found) > 20
    assert unknown == []


ELSEWHERE = {
    "line": "a table that breaks off; the import makes a rejected line of it",
    "regionCode": "the command line",
    "seed": "the command line",
}
"""Names in paths that are no field of the schema, and where they are met."""
