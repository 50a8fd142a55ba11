"""A GraphQL document on its way in: read, bounded, validated, remembered.

The bounds come before validation, because validation itself can be made slow: one walk measures every fragment once and
so costs no more than the document is long, however its fragments nest. What passes all three steps is kept, so that the
next client with the same operation pays none of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    validate,
)
from graphql.validation import MaxIntrospectionDepthRule, specified_rules

from kit.errors import DomainError, ErrorCode, bad_input

MOST_CHARACTERS = 20_000
MOST_TOKENS = 2_000
MOST_COMMENTS = 50
MOST_OPERATIONS = 5
MOST_FRAGMENTS = 30
DEEPEST = 12
MOST_FIELDS = 500
MOST_ALIASES = 30
MOST_DIRECTIVES = 20
MOST_ROOT_FIELDS = 30
MOST_ROOT_MUTATIONS = 10
MOST_VALIDATION_ERRORS = 10
REMEMBERED = 256

ESCAPED_NUL = re.compile(r"\0|\\u0000|\\u\{0+\}")
RULES = (*specified_rules, MaxIntrospectionDepthRule)


class Refused(Exception):
    """The document cannot be executed; `errors` say why, in graphql-core's words."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("document refused")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document: `kind` is query, mutation or subscription."""

    name: str | None
    kind: str
    root_fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Document:
    node: DocumentNode
    operations: tuple[Operation, ...]

    def operation(self, name: str | None) -> Operation:
        """The operation to run; BAD_USER_INPUT if the name fits none, or is missing among several."""
        found = [operation for operation in self.operations if name is None or operation.name == name]
        if len(found) != 1:
            raise bad_input("operationName")
        return found[0]


@lru_cache(maxsize=REMEMBERED)
def read_document(schema: GraphQLSchema, source: str) -> Document:
    """The document in `source`. `Refused` if it does not parse or validate, QUERY_TOO_COMPLEX if it is too much."""
    if len(source) > MOST_CHARACTERS:
        raise DomainError(ErrorCode.QUERY_TOO_COMPLEX)
    if ESCAPED_NUL.search(source):
        raise bad_input("query")
    try:
        node = parse(source, max_lexical_tokens=MOST_TOKENS, max_comments=MOST_COMMENTS)
    except GraphQLError as error:
        if error.message.endswith("Parsing aborted."):  # one of the limits above, or graphql-core's own on nesting
            raise DomainError(ErrorCode.QUERY_TOO_COMPLEX) from error
        raise Refused([error]) from error
    operations = _measured(node)
    errors = validate(schema, node, RULES, max_errors=MOST_VALIDATION_ERRORS, hide_suggestions=True)
    if errors:
        raise Refused(errors)
    return Document(node, operations)


@dataclass(frozen=True, slots=True)
class _Size:
    """What a selection set holds once its fragments are written out."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    roots: int = 0
    names: frozenset[str] = frozenset()

    def beside(self, other: "_Size") -> "_Size":
        return _Size(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.roots + other.roots,
            self.names | other.names,
        )


def _measured(node: DocumentNode) -> tuple[Operation, ...]:
    fragments = {part.name.value: part for part in node.definitions if isinstance(part, FragmentDefinitionNode)}
    operations = [part for part in node.definitions if isinstance(part, OperationDefinitionNode)]
    if len(fragments) > MOST_FRAGMENTS or len(operations) > MOST_OPERATIONS:
        raise DomainError(ErrorCode.QUERY_TOO_COMPLEX)
    measure = _Measure(fragments)
    return tuple(_bounded(operation, measure.of(operation.selection_set)) for operation in operations)


def _bounded(operation: OperationDefinitionNode, size: _Size) -> Operation:
    kind = operation.operation.value
    if (
        size.depth > DEEPEST
        or size.fields > MOST_FIELDS
        or size.aliases > MOST_ALIASES
        or size.directives + len(operation.directives or ()) > MOST_DIRECTIVES
        or size.roots > (MOST_ROOT_MUTATIONS if kind == "mutation" else MOST_ROOT_FIELDS)
    ):
        raise DomainError(ErrorCode.QUERY_TOO_COMPLEX)
    return Operation(operation.name.value if operation.name else None, kind, size.names)


class _Measure:
    """Measures selection sets; each fragment once, whatever spreads it."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, _Size] = {}
        self._open: set[str] = set()

    def of(self, selections: SelectionSetNode | None) -> _Size:
        total = _Size()
        for selection in selections.selections if selections else ():
            directives = _Size(directives=len(selection.directives or ()))
            if isinstance(selection, FieldNode):
                total = total.beside(directives).beside(self._field(selection))
            elif isinstance(selection, InlineFragmentNode):
                total = total.beside(directives).beside(self.of(selection.selection_set))
            elif isinstance(selection, FragmentSpreadNode):
                total = total.beside(directives).beside(self._fragment(selection.name.value))
        return total

    def _field(self, field: FieldNode) -> _Size:
        below = self.of(field.selection_set)
        # A chain of `ofType` is how introspection spells list-of-non-null; it cannot branch.
        step = 0 if field.name.value == "ofType" else 1
        return _Size(
            below.depth + step,
            below.fields + 1,
            below.aliases + bool(field.alias),
            below.directives,
            roots=1,
            names=frozenset({field.name.value}),
        )

    def _fragment(self, name: str) -> _Size:
        if name in self._open or name not in self._fragments:
            return _Size()  # a cycle or an unknown name: validation refuses both
        if name not in self._known:
            self._open.add(name)
            self._known[name] = self.of(self._fragments[name].selection_set)
            self._open.discard(name)
        return self._known[name]
