"""How many rows an operation may ask for at most: pages within pages multiply."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)

from kit.errors import DomainError, ErrorCode
from schema.paging import DEFAULT_ROWS, MOST_ROWS

MOST_ROWS_IN_ALL = 5_000
PAGED = frozenset({"nodes", "edges"})


def refuse_costly(document: DocumentNode, name: str | None, variables: Mapping[str, Any] | None) -> None:
    """QUERY_TOO_COMPLEX if the pages of an operation could hold more than `MOST_ROWS_IN_ALL` rows.

    `document` has passed `read_document`, so written out it is no longer than its bound on fields.
    """
    fragments = {part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)}
    for part in document.definitions:
        if not isinstance(part, OperationDefinitionNode) or (part.name and name not in (None, part.name.value)):
            continue
        if _rows(part.selection_set, 1, fragments, {**_defaults(part), **(variables or {})}) > MOST_ROWS_IN_ALL:
            raise DomainError(ErrorCode.QUERY_TOO_COMPLEX)


def _defaults(operation: OperationDefinitionNode) -> dict[str, int]:
    return {
        definition.variable.name.value: int(definition.default_value.value[:10])
        for definition in operation.variable_definitions or ()
        if isinstance(definition.default_value, IntValueNode)
    }


def _rows(
    selections: SelectionSetNode | None,
    parents: int,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
) -> int:
    """Rows below `parents` rows."""
    total = 0
    for field in _fields(selections, fragments):
        here = parents
        if any(child.name.value in PAGED for child in _fields(field.selection_set, fragments)):
            here = parents * _asked(field, variables)
            total += here
        total += _rows(field.selection_set, here, fragments, variables)
    return total


def _fields(selections: SelectionSetNode | None, fragments: Mapping[str, FragmentDefinitionNode]) -> list[FieldNode]:
    found: list[FieldNode] = []
    waiting: list[SelectionNode] = list(selections.selections) if selections else []
    while waiting:
        selection = waiting.pop()
        if isinstance(selection, FieldNode):
            found.append(selection)
        elif isinstance(selection, InlineFragmentNode):
            waiting.extend(selection.selection_set.selections)
        elif isinstance(selection, FragmentSpreadNode):
            waiting.extend(fragments[selection.name.value].selection_set.selections)
    return found


def _asked(field: FieldNode, variables: Mapping[str, Any]) -> int:
    """The page size of a connection; one that the field will refuse anyway counts as the largest."""
    asked: list[int] = []
    for argument in field.arguments or ():
        if argument.name.value in ("first", "last"):
            value = argument.value
            wanted = variables.get(value.name.value) if isinstance(value, VariableNode) else None
            if isinstance(value, IntValueNode):
                asked.append(int(value.value[:10]))
            elif isinstance(wanted, int):
                asked.append(wanted)
    return max((min(abs(each), MOST_ROWS) for each in asked), default=DEFAULT_ROWS)
