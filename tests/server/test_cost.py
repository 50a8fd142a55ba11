"""Prices are upper bounds, known before anything runs."""

from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema

from kit.errors import DomainError, ErrorCode
from schema.weights import WEIGHTS
from server.api import schema
from server.cost import price_of
from server.documents import read_document

SCHEMA = build_schema(
    """
    type Query {
      id: Int one: Row list: [Row!]! nodes(ids: [ID!]!): [Node]!
      a(first: Int = 20, last: Int, filter: Filter): RowConnection
    }
    input Filter { text: String, tier: Int }
    interface Node { id: Int }
    type Row implements Node { id: Int b(first: Int = 20, last: Int): RowConnection child: Row children: [Row!] }
    type RowConnection { nodes: [Row!]! edges: [RowEdge!]! totalCount: Int pageInfo: PageInfo! }
    type RowEdge { node: Row! cursor: String! }
    type PageInfo { hasNextPage: Boolean! }
    type Mutation { change: Row reportProgress(input: Report): Row }
    input Report { events: [Int!]! }
    type Subscription { change: Row }
    """
)


def price(
    source: str, variables: dict[str, Any] | None = None, name: str | None = None, of: GraphQLSchema = SCHEMA
) -> int:
    document = read_document(of, source, name)
    return price_of(of, document, document.operation(name), variables)


@pytest.mark.parametrize(
    ("source", "variables", "cost"),
    [
        ("{id __typename}", None, 1),
        ("{one{id child{id}}}", None, 2),
        ("{list{id}}", None, 10),
        ("{list{children{id}}}", None, 110),
        ("{a{nodes{id}}}", None, 20),
        ("{a(first:5){nodes{id} edges{cursor node{id}} pageInfo{hasNextPage}}}", None, 5),
        ("{a(first:5){nodes{child{id}} edges{node{child{id}}}}}", None, 15),
        ("{a(first:5){totalCount}}", None, 5 + 5 * 10),
        ("{a(first:5,filter:{text:\"x\"}){nodes{id}}}", None, 55),
        ("{a(first:5,filter:{tier:1}){nodes{id}}}", None, 5),
        ("query($f:Filter){a(first:5,filter:$f){nodes{id}}}", {"f": {"text": "x"}}, 55),
        ("query($t:String){a(first:5,filter:{text:$t}){nodes{id}}}", {"t": "x"}, 55),
        ("query($f:Filter={text:\"x\"}){a(first:5,filter:$f){nodes{id}}}", None, 55),
        ("{a(first:10){nodes{b(last:7){nodes{child{id}}}}}}", None, 10 + 70 + 70),
        ("query($n:Int){a(first:$n){nodes{id}}}", {"n": 7}, 7),
        ("query($n:Int){a(first:$n){nodes{id}}}", {"n": 7.0}, 7),
        ("query($n:Int){a(first:$n){nodes{id}}}", {"n": None}, 20),
        ("query($n:Int=9){a(first:$n){nodes{id}}}", {}, 9),
        ("{a(first:-7){nodes{id}}}", None, 7),
        ("{a{...F}}fragment F on RowConnection{nodes{b(first:2){...G}}}fragment G on RowConnection{nodes{id}}", {}, 60),
        ("{nodes(ids:[1,2,3]){id ... on Row{child{id}}}}", None, 2 + 3 + 3),
        ("query($i:[ID!]!){nodes(ids:$i){id}}", {"i": ["x"] * 50}, 52),
        ("mutation{change{id}}", None, 11),
        ("mutation($r:Report){reportProgress(input:$r){id}}", {"r": {"events": [1] * 30}}, 10 + 1 + 30),
        ("mutation{reportProgress(input:{events:[1,2]}){children{id}}}", None, 10 + 1 + 2 + 10),
        ("subscription{change{id}}", None, 11),
        ("{__schema{types{fields{args{type{name}}}}}}", None, 500),
        ("query A{id} query B{a{nodes{id}}}", None, 1),
    ],
)  # fmt: skip
def test_a_price_is_the_product_of_pages_and_weights(source: str, variables: dict[str, Any] | None, cost: int) -> None:
    assert price(source, variables, "A" if "query A" in source else None) == cost


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ("{a(first:100){nodes{b(first:100){nodes{id}}}}}", None),
        ("{a(first:100){nodes{b(last:100){edges{node{id}}}}}}", None),
        ("{a(first:20,last:100){nodes{b(first:20,last:100){nodes{id}}}}}", None),
        ("query($n:Int){a(first:$n){nodes{b(first:$n){nodes{id}}}}}", {"n": 100}),
        ("query($n:Int=100){a(first:$n){nodes{b(first:$n){nodes{id}}}}}", None),
        ("{a(first:100000){nodes{b(first:100000){nodes{id}}}}}", None),
        ("{list{children{children{children{id}}}}}", None),
    ],
)  # fmt: skip
def test_more_than_ten_thousand_is_too_much(source: str, variables: dict[str, Any] | None) -> None:
    with pytest.raises(DomainError) as refused:
        price(source, variables)

    assert refused.value.code is ErrorCode.QUERY_TOO_COMPLEX


def test_every_weight_belongs_to_a_field_and_its_argument() -> None:
    for place, weight in WEIGHTS.items():
        kind, name = place.split(".")
        field = schema.graphql_schema.type_map[kind].fields[name]  # type: ignore[union-attr]
        for argument in (weight.rows, weight.items):
            assert not argument or argument.split(".")[0] in field.args, place
