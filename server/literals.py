"""The values written into a document itself: held to the same rules as variables, at the same places.

GraphQL's lexer knows no lone surrogate; NUL by an escape, a number that no double holds and a text without end it does.
"""

import math
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FloatValueNode,
    IntValueNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableDefinitionNode,
    Visitor,
    visit,
)

from kit.errors import bad_input
from schema.texts import is_long, settled

LONGEST_NUMBER = 32
INPUT = "input"
"""The one argument of a mutation: its texts are measured where they can become userErrors."""


def settle_literals(document: DocumentNode) -> DocumentNode:
    """The document with its texts in NFC; BAD_USER_INPUT with the path of the first value that may not be."""
    composed = True
    waiting: list[Any] = list(document.definitions)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ArgumentNode):
            composed &= _check(node.value, (node.name.value,))
        elif isinstance(node, VariableDefinitionNode):
            if node.default_value is not None:
                composed &= _check(node.default_value, (node.variable.name.value,))
        elif isinstance(node, Node):
            for key in ("selection_set", "selections", "arguments", "directives", "variable_definitions"):
                below = getattr(node, key, None)
                waiting.extend(below if isinstance(below, tuple) else (below,) if below is not None else ())
    found: DocumentNode = document if composed else visit(document, _Composed())
    return found


def field_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """The path of an input field as userErrors spell it: a mutation's one input goes without saying."""
    return path[1:] if path[0] == INPUT and len(path) > 1 else path


def _check(value: ValueNode, path: tuple[str, ...]) -> bool:
    """Whether every text in a value is in NFC already."""
    composed = True
    waiting: list[tuple[Node, tuple[str, ...]]] = [(value, path)]
    while waiting:
        node, path = waiting.pop()
        if isinstance(node, StringValueNode):
            composed &= _check_text(node.value, path)
        elif isinstance(node, IntValueNode | FloatValueNode):
            if len(node.value) > LONGEST_NUMBER or not math.isfinite(float(node.value)):
                raise bad_input(*field_path(path))
        elif isinstance(node, ListValueNode):
            waiting.extend((each, (*path, str(index))) for index, each in enumerate(node.values))
        elif isinstance(node, ObjectValueNode):
            waiting.extend((each.value, (*path, each.name.value)) for each in node.fields)
    return composed


def _check_text(text: str, path: tuple[str, ...]) -> bool:
    try:
        same = settled(text) == text
    except ValueError as error:
        raise bad_input(*field_path(path)) from error
    if path[0] != INPUT and is_long(text, path[-1]):
        raise bad_input(*field_path(path))
    return same


class _Composed(Visitor):
    def enter_string_value(self, node: StringValueNode, *_: object) -> StringValueNode | None:
        text = settled(node.value)
        return None if text == node.value else StringValueNode(value=text, block=node.block, loc=node.loc)
