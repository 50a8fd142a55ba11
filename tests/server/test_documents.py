"""No document may cost more than a few milliseconds before it is refused."""

import pytest
from graphql import build_schema, get_introspection_query

from kit.clock import monotonic
from kit.errors import DomainError, ErrorCode
from server.documents import Refused, read_document

SCHEMA = build_schema(
    """
    type Query { a: Int n: N f(text: String, count: Int): Int }
    type N { id: Int child: N }
    type Mutation { a: Int b: Int }
    """
)
MOST_SECONDS = 0.5
"""Far above what the walk takes (milliseconds) and far below what the attacks took without it (seconds)."""


def flat(count: int) -> str:
    parts = "".join(f" fragment F{i} on Query{{...F{i + 1} ...F{i + 1}}}" for i in range(count))
    return f"{{...F0}}{parts} fragment F{count} on Query{{a}}"


def bomb(count: int) -> str:
    parts = "".join(f" fragment F{i} on N{{a:child{{...F{i + 1}}} b:child{{...F{i + 1}}}}}" for i in range(count))
    return f"{{n{{...F0}}}}{parts} fragment F{count} on N{{id}}"


ATTACKS = {
    "flat spreads": flat(29),
    "fragment bomb": bomb(28),
    "depth": "{n" + "{child" * 12 + "{id}" + "}" * 13,
    "very deep": "{n" + "{child" * 900 + "{id}" + "}" * 901,
    "deep value": "{f(text:" + "[" * 900 + "]" * 900 + ")}",
    "aliases": "{" + " ".join(f"x{i}:a" for i in range(31)) + "}",
    "aliases by fragment": "{...F ...F}fragment F on Query{" + " ".join(f"x{i}:a" for i in range(16)) + "}",
    "fields": "{n{" + "id " * 500 + "}}",
    "fields by fragment": "{n{" + "...F " * 60 + "}}fragment F on N{" + "id " * 10 + "}",
    "root fields": "{" + "a " * 31 + "}",
    "directives": "{a " + "@skip(if:false) " * 21 + "}",
    "root mutations": "mutation{" + "a " * 11 + "}",
    "root mutations by fragment": "mutation{...F ...F}fragment F on Mutation{" + "a b " * 3 + "}",
    "tokens": "{" + "a " * 2500 + "}",
    "one long comment": "#" + "a" * 1_000_000 + "\n{a}",
    "many comments": "#\n" * 51 + "{a}",
    "operations": " ".join(f"query Q{i}{{a}}" for i in range(6)),
    "fragments": "{a}" + " ".join(f"fragment F{i} on Query{{a}}" for i in range(31)),
}


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_what_asks_for_too_much_is_refused_at_once(name: str) -> None:
    started = monotonic()

    with pytest.raises(DomainError) as refused:
        read_document(SCHEMA, ATTACKS[name])

    assert refused.value.code is ErrorCode.QUERY_TOO_COMPLEX
    assert monotonic() - started < MOST_SECONDS


@pytest.mark.parametrize(
    "source",
    [
        "{n" + "{child" * 10 + "{id}" + "}" * 11,
        "{" + " ".join(f"x{i}:a" for i in range(30)) + "}",
        "mutation{" + "a " * 10 + "}",
        get_introspection_query(),
    ],
    ids=["depth 12", "30 aliases", "10 mutations", "introspection"],
)
def test_what_is_just_within_the_bounds_is_read(source: str) -> None:
    assert len(read_document(SCHEMA, source).operations) == 1


@pytest.mark.parametrize(
    "source", ["{", "", "{nope}", "{a{b}}", "{f(count:1) f(count:2)}", "{...F}fragment F on Query{...F}"]
)
def test_an_invalid_document_says_why(source: str) -> None:
    with pytest.raises(Refused) as refused:
        read_document(SCHEMA, source)

    assert refused.value.errors


@pytest.mark.parametrize("source", ["{chld}", "{n{chil}}", "{f(cuont:1)}"])
def test_names_are_never_suggested(source: str) -> None:
    with pytest.raises(Refused) as refused:
        read_document(SCHEMA, source)

    assert not any("Did you mean" in error.message for error in refused.value.errors)


@pytest.mark.parametrize("nul", ["\0", "\\u0000", "\\u{0}", "\\u{000}"])
def test_nul_in_a_literal_is_refused(nul: str) -> None:
    with pytest.raises(DomainError) as refused:
        read_document(SCHEMA, f'{{f(text:"{nul}")}}')

    assert refused.value.code is ErrorCode.BAD_USER_INPUT


def test_an_operation_is_found_by_its_name() -> None:
    document = read_document(SCHEMA, "query A{a} mutation B{...F} fragment F on Mutation{a b}")

    assert document.operation("B").root_fields == {"a", "b"}
    assert document.operation("A").kind == "query"
    for name in (None, "C"):
        with pytest.raises(DomainError):
            document.operation(name)
