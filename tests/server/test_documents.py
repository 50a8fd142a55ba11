"""What a document may hold. How long the refusals take is measured in `test_attacks.py`."""

import pytest
from graphql import build_schema, get_introspection_query

from kit.errors import DomainError, ErrorCode
from server.documents import Refused, read_document

SCHEMA = build_schema(
    """
    type Query { a: Int n: N f(text: String, count: Int): Int }
    type N { id: Int child: N }
    type Mutation { a: Int b: Int }
    """
)


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
    "one field again and again": "{" + "a " * 26 + "}",
    "conflicting fields": "{" + " ".join(f"f(count:{i})" for i in range(330)) + "}",
    "conflicting fields by fragment": "{...F ...G}"
    + "".join(f"fragment {name} on Query{{" + " ".join(f"f(count:{i})" for i in range(25)) + "}" for name in "FG"),
    "conflicting fields, nested": "{" + "n{child{child{id}}}" * 14 + "}",
    "conflicting fields that nothing spreads": "{a}fragment F on Query{" + "a " * 26 + "}",
    "a bomb beside the operation": bomb(28).replace("{n{...F0}}", "query Q0{a} query B{n{...F0}}"),
    "sign-in twice": "mutation{signInWithCode a:signInWithPassword}",
    "directives": "{a " + "@skip(if:false) " * 21 + "}",
    "root mutations": "mutation{" + "a " * 11 + "}",
    "root mutations by fragment": "mutation{...F ...F}fragment F on Mutation{" + "a b " * 3 + "}",
    "tokens": "{" + "a " * 2500 + "}",
    "one long comment": "#" + "a" * 1_000_000 + "\n{a}",
    "many comments": "#\n" * 51 + "{a}",
    "operations": " ".join(f"query Q{i}{{a}}" for i in range(21)),
    "fragments": "{a}" + " ".join(f"fragment F{i} on Query{{a}}" for i in range(51)),
}


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_what_asks_for_too_much_is_refused(name: str) -> None:
    with pytest.raises(DomainError) as refused:
        read_document(SCHEMA, ATTACKS[name], "Q0" if "Q0" in ATTACKS[name] else None)

    assert refused.value.code is ErrorCode.QUERY_TOO_COMPLEX


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
    source = "query A{a} mutation B{...F} fragment F on Mutation{a b}"

    assert read_document(SCHEMA, source, "B").operation("B").root_fields == {"a", "b"}
    assert read_document(SCHEMA, source, "A").operation("A").kind == "query"
    for name in (None, "C"):
        with pytest.raises(DomainError) as refused:
            read_document(SCHEMA, source, name).operation(name)
        assert refused.value.field == ("operationName",)


def test_only_the_operation_that_runs_is_measured() -> None:
    aliases = " ".join(f"x{i}:a" for i in range(31))
    source = f"query Small{{a}} query Large{{{aliases}}}"

    document = read_document(SCHEMA, source, "Small")

    assert document.operation("Small").size.fields == 1
    for read in (lambda: read_document(SCHEMA, source, "Large"), lambda: document.operation("Large")):
        with pytest.raises(DomainError) as refused:
            read()
        assert refused.value.code is ErrorCode.QUERY_TOO_COMPLEX


def test_twenty_operations_make_a_document() -> None:
    fields = "{" + " ".join(f"x{i}:a" for i in range(25)) + "}"
    source = "".join(f"query Q{i}{fields}" for i in range(20))

    assert len(read_document(SCHEMA, source, "Q19").operations) == 20


@pytest.mark.parametrize(
    "source",
    ["{...F}fragment F on Query{n{...G}}fragment G on N{child{...G}}", "{...F}" + "fragment F on Query{a}" * 2],
)
def test_fragments_without_an_end_or_a_name_of_their_own_are_invalid(source: str) -> None:
    with pytest.raises(Refused):
        read_document(SCHEMA, source)
