"""The price of a request: pages within pages multiply, and some fields weigh more than a row (`schema/weights.py`).

A price is an upper bound, known before anything runs. It buys from two budgets, the member's and the address's, which
fill again with time (`kit/buckets.py`). What it was, and what is left, stands in the answer's `extensions.cost`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from kit.errors import DomainError, ErrorCode
from kit.settings import MOST_COST
from schema.paging import DEFAULT_ROWS, MOST_ROWS
from schema.weights import A_CHANGE, A_COUNT, A_SEARCH, ROWS_OF_A_LIST, THE_SCHEMA, WEIGHTS, Weight
from server.documents import REMEMBERED, Document, Operation

INTROSPECTION = ("__schema", "__type")
WITHIN_A_PAGE = frozenset({"nodes", "edges", "node", "pageInfo"})
"""Parts of a connection and its edges: the page has paid for them."""


def price_of(
    schema: GraphQLSchema, document: Document, operation: Operation, variables: Mapping[str, Any] | None
) -> int:
    """What the operation may cost at most, at least 1. QUERY_TOO_COMPLEX above `MOST_COST`."""
    plan = _plan(schema, document, operation)
    price = max(1, sum(_price(step, 1, {**plan.defaults, **(variables or {})}) for step in plan.steps))
    if price > MOST_COST:
        raise DomainError(ErrorCode.QUERY_TOO_COMPLEX)
    return price


@dataclass(frozen=True, slots=True)
class _Step:
    """A field that costs something, or has such fields below it."""

    weight: Weight
    rows: int
    """Without an argument that says otherwise."""
    is_page: bool
    arguments: Mapping[str, ValueNode]
    below: tuple["_Step", ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    steps: tuple[_Step, ...]
    defaults: Mapping[str, ValueNode]
    """Of the variables, as the document has them."""


@lru_cache(maxsize=REMEMBERED)
def _plan(schema: GraphQLSchema, document: Document, operation: Operation) -> _Plan:
    """What is to be multiplied, worked out once for a document."""
    parts = document.node.definitions
    fragments = {part.name.value: part for part in parts if isinstance(part, FragmentDefinitionNode)}
    [node] = (
        part
        for part in parts
        if isinstance(part, OperationDefinitionNode) and (part.name.value if part.name else None) == operation.name
    )
    root = schema.get_root_type(node.operation)
    assert root is not None, "it has passed validation"
    defaults = {
        definition.variable.name.value: definition.default_value
        for definition in node.variable_definitions or ()
        if definition.default_value is not None
    }
    return _Plan(_Planner(schema, fragments).steps(node.selection_set, root), defaults)


class _Planner:
    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments

    def steps(self, selections: SelectionSetNode | None, parent: GraphQLCompositeType) -> tuple[_Step, ...]:
        found: list[_Step] = []
        waiting: list[tuple[SelectionNode, GraphQLCompositeType]] = []
        waiting += [(each, parent) for each in (selections.selections if selections else ())]
        while waiting:
            selection, kind = waiting.pop()
            if isinstance(selection, FieldNode):
                found += self._of_field(selection, kind)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                kind = self._kind(condition.name.value) if condition else kind
                waiting += [(each, kind) for each in selection.selection_set.selections]
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self._fragments[selection.name.value]
                kind = self._kind(fragment.type_condition.name.value)
                waiting += [(each, kind) for each in fragment.selection_set.selections]
        return tuple(found)

    def _of_field(self, node: FieldNode, parent: GraphQLCompositeType) -> Sequence[_Step]:
        name = node.name.value
        if name in INTROSPECTION:
            return [_Step(Weight(THE_SCHEMA), 0, False, {}, ())]
        if isinstance(parent, GraphQLUnionType) or name not in parent.fields:
            return ()  # __typename
        field = parent.fields[name]
        answer = get_named_type(field.type)
        is_row = is_composite_type(answer)
        below = self.steps(node.selection_set, answer) if is_row else ()
        if (parent.name.endswith("Connection") or parent.name.endswith("Edge")) and name in WITHIN_A_PAGE:
            return below
        weight = self._weight(parent, name)
        is_page = answer.name.endswith("Connection")
        if not is_row and not weight.once:
            return ()
        rows = _rows_of(field, is_page=is_page) if is_row else 0
        arguments = {each.name.value: each.value for each in node.arguments or ()}
        return [_Step(weight, rows, is_page, arguments, below)]

    def _weight(self, parent: GraphQLObjectType | GraphQLInterfaceType, name: str) -> Weight:
        if name == "totalCount":
            return Weight(A_COUNT)
        is_change = parent in (self._schema.mutation_type, self._schema.subscription_type)
        return WEIGHTS.get(f"{parent.name}.{name}", Weight(A_CHANGE if is_change else 0))

    def _kind(self, name: str) -> GraphQLCompositeType:
        kind = self._schema.type_map[name]
        assert is_composite_type(kind)
        return kind


def _rows_of(field: GraphQLField, *, is_page: bool) -> int:
    if is_page:
        return DEFAULT_ROWS
    return ROWS_OF_A_LIST if is_list_type(get_nullable_type(field.type)) else 1


def _price(step: _Step, parents: int, variables: Mapping[str, Any]) -> int:
    """What a step costs below `parents` objects."""
    rows = parents * _rows(step, variables)
    price = parents * (step.weight.once + (_argument(step, step.weight.items, variables) or 0)) + rows
    if _searches(step.arguments.get("filter"), variables):
        price += parents * A_SEARCH
    return price + sum(_price(each, rows, variables) for each in step.below)


def _rows(step: _Step, variables: Mapping[str, Any]) -> int:
    """How many rows a field may have; a number that it will refuse anyway counts as the largest."""
    asked = [_size(step.arguments.get(name), variables) for name in ("first", "last")] if step.is_page else []
    size = _argument(step, step.weight.rows, variables)
    asked.append(2 * size + 1 if step.weight.beside and size is not None else size)
    return max((min(size, MOST_ROWS + 1) for size in asked if size is not None), default=step.rows)


def _argument(step: _Step, place: str, variables: Mapping[str, Any]) -> int | None:
    """The size of what an argument holds at `place`, as in "input.events"; of more than any field takes, so much."""
    name, *path = place.split(".")
    value = step.arguments.get(name)
    for each in path:
        value = _field(_at(value, variables), each)
    size = _size(value, variables)
    return min(size, MOST_ROWS + 1) if size is not None else None


def _size(value: object, variables: Mapping[str, Any]) -> int | None:
    """The length of a list or the value of a number, literal or not; None if there is neither."""
    value = _at(value, variables)
    if isinstance(value, IntValueNode):
        return abs(int(value.value))
    if isinstance(value, ListValueNode):
        return len(value.values)
    if isinstance(value, list):
        return len(value)
    return abs(int(value)) if isinstance(value, int | float) else None


def _searches(value: object, variables: Mapping[str, Any]) -> bool:
    return _at(_field(_at(value, variables), "text"), variables) is not None


def _at(value: object, variables: Mapping[str, Any]) -> Any:
    """What a variable stands for, which may be the literal of its default."""
    return variables.get(value.name.value) if isinstance(value, VariableNode) else value


def _field(value: object, name: str) -> Any:
    if isinstance(value, ObjectValueNode):
        return next((field.value for field in value.fields if field.name.value == name), None)
    return value.get(name) if isinstance(value, dict) else None
