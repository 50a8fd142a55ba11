import pytest
from graphql import parse

from kit.errors import DomainError, ErrorCode
from server.cost import refuse_costly


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ("{a(first:100){nodes{b(first:100){nodes{id}}}}}", None),
        ("{a(first:100){nodes{b(last:100){edges{node{id}}}}}}", None),
        ("{a(first:20,last:100){nodes{b(first:20,last:100){nodes{id}}}}}", None),
        ("query($n:Int){a(first:$n){nodes{b(first:$n){nodes{id}}}}}", {"n": 100}),
        ("query($n:Int=100){a(first:$n){nodes{b(first:$n){nodes{id}}}}}", None),
        ("{a(first:100000){nodes{b(first:100000){nodes{id}}}}}", None),
        ("{a{...F}}fragment F on A{nodes{b{...G}}}fragment G on B{nodes{c{...H}}}fragment H on C{nodes{id}}", None),
        ("query A{id} query B{a(first:100){nodes{b(first:100){nodes{id}}}}}", None),
    ],
)  # fmt: skip
def test_pages_within_pages_multiply(source: str, variables: dict[str, int] | None) -> None:
    with pytest.raises(DomainError) as refused:
        refuse_costly(parse(source), "B" if "query B" in source else None, variables)

    assert refused.value.code is ErrorCode.QUERY_TOO_COMPLEX


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ("{a(first:100){nodes{b{id}}} c(first:100){nodes{id}}}", None),
        ("query($n:Int=100){a(first:$n){nodes{b(first:$n){nodes{id}}}}}", {"n": 20}),
        ("query A{id} query B{a(first:100){nodes{b(first:100){nodes{id}}}}}", {}),
    ],
)
def test_modest_pages_pass(source: str, variables: dict[str, int] | None) -> None:
    refuse_costly(parse(source), "A" if "query B" in source else None, variables)
