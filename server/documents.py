"""A GraphQL document on its way in: read, bounded, validated, remembered.

The bounds come before validation, because validation itself can be made slow: one walk measures every fragment once and
so costs no more than the document is long, however its fragments nest. What passes all three steps is kept, so that the
next client with the same operation pays none of them.
"""

from collections.abc import Iterator, Mapping, Sequence
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
from server.literals import settle_literals

# Of the document as a whole: what reading and validating it may cost.
MOST_CHARACTERS = 20_000
MOST_TOKENS = 2_000
MOST_COMMENTS = 50
MOST_OPERATIONS = 20
MOST_FRAGMENTS = 50
MOST_SELECTIONS = 5_000
"""Written out, in all operations together: validation follows fragments too."""
MOST_PAIRS = 300
"""Selections of one name in one place. Validation compares each with each."""
MOST_VALIDATION_ERRORS = 10

# Of the operation that is executed, fragments written out.
DEEPEST = 12
MOST_FIELDS = 500
MOST_ALIASES = 30
MOST_DIRECTIVES = 20
MOST_ROOT_MUTATIONS = 10

ONE_A_REQUEST = frozenset(
    {
        "requestSignInCode",
        "signInWithCode",
        "signInWithPassword",
        "refreshSession",
        "requestChangePhoneCodes",
        "changePhone",
        "redeemReward",
        "enterPrizeDraw",
    }
)
"""Mutations of which a request holds one at most: nobody has to guess a code, or to spend, ten times at once."""

REMEMBERED = 256

RULES = (*specified_rules, MaxIntrospectionDepthRule)
INTROSPECTION = frozenset({"__schema", "__type"})
NO_INTROSPECTION = "This server does not describe itself: introspection is switched off. Use the published schema."


class Refused(Exception):
    """The document cannot be executed; `errors` say why, in graphql-core's words."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("document refused")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Size:
    """What a selection set holds once its fragments are written out."""

    depth: int = 0
    selections: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    roots: int = 0
    single: int = 0
    """Roots that are in `ONE_A_REQUEST`."""
    names: frozenset[str] = frozenset()
    """Of the roots."""

    def beside(self, other: "Size") -> "Size":
        return Size(
            max(self.depth, other.depth),
            self.selections + other.selections,
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.roots + other.roots,
            self.single + other.single,
            self.names | other.names,
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document: `kind` is query, mutation or subscription."""

    name: str | None
    kind: str
    size: Size

    @property
    def root_fields(self) -> frozenset[str]:
        return self.size.names

    def refuse_too_much(self) -> None:
        """QUERY_TOO_COMPLEX if it is more than one request may ask for."""
        size = self.size
        if (
            size.depth > DEEPEST
            or size.fields > MOST_FIELDS
            or size.aliases > MOST_ALIASES
            or size.directives > MOST_DIRECTIVES
            or (self.kind == "mutation" and (size.roots > MOST_ROOT_MUTATIONS or size.single > 1))
        ):
            raise DomainError(ErrorCode.QUERY_TOO_COMPLEX)


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A document that validates. Equal to itself alone, so that what is made from it can be remembered."""

    node: DocumentNode
    operations: tuple[Operation, ...]

    def operation(self, name: str | None) -> Operation:
        """The operation to run; BAD_USER_INPUT if the name fits none, or is missing among several."""
        operation = _named(self.operations, name)
        operation.refuse_too_much()
        return operation


@lru_cache(maxsize=REMEMBERED)
def read_document(schema: GraphQLSchema, source: str, name: str | None = None) -> Document:
    """The document in `source`, of which the operation `name` is to be executed.

    `Refused` if it does not parse or validate; QUERY_TOO_COMPLEX if that operation, or reading the whole, is too much;
    BAD_USER_INPUT if there is no such operation, or a literal holds what no text or number of ours may. Without a name
    a document of several is read as a whole, and `Document.operation` refuses to choose.
    """
    if len(source) > MOST_CHARACTERS:
        raise DomainError(ErrorCode.QUERY_TOO_COMPLEX)
    try:
        node = parse(source, max_lexical_tokens=MOST_TOKENS, max_comments=MOST_COMMENTS)
    except GraphQLError as error:
        if error.message.endswith("Parsing aborted."):  # one of the limits above, or graphql-core's own on nesting
            raise DomainError(ErrorCode.QUERY_TOO_COMPLEX) from error
        raise Refused([error]) from error
    operations = _measured(node)
    if name is not None or len(operations) == 1:
        _named(operations, name).refuse_too_much()
    node = settle_literals(node)
    errors = validate(schema, node, RULES, max_errors=MOST_VALIDATION_ERRORS, hide_suggestions=True)
    if errors:
        raise Refused(errors)
    return Document(node, operations)


def refuse_introspection(operation: Operation, *, allowed: bool) -> None:
    """`Refused` for an operation that asks for the schema where nobody may."""
    if not allowed and operation.root_fields & INTROSPECTION:
        raise Refused([GraphQLError(NO_INTROSPECTION)])


def _named(operations: tuple[Operation, ...], name: str | None) -> Operation:
    found = [operation for operation in operations if name is None or operation.name == name]
    if len(found) != 1:
        raise bad_input("operationName")
    return found[0]


def _measured(node: DocumentNode) -> tuple[Operation, ...]:
    """The size of every operation; QUERY_TOO_COMPLEX if the whole is more than validation should look at."""
    fragments = {part.name.value: part for part in node.definitions if isinstance(part, FragmentDefinitionNode)}
    operations = [part for part in node.definitions if isinstance(part, OperationDefinitionNode)]
    if len(node.definitions) - len(operations) > MOST_FRAGMENTS or len(operations) > MOST_OPERATIONS:
        raise DomainError(ErrorCode.QUERY_TOO_COMPLEX)
    if len(fragments) < sum(isinstance(part, FragmentDefinitionNode) for part in node.definitions):
        raise Refused([GraphQLError("Two fragments have the same name.")])
    measure = _Measure(fragments)
    found = tuple(measure.of_operation(operation) for operation in operations)
    unused = measure.unused()
    sizes = [each.size for each in found] + [measure.of_fragment(each.name.value) for each in unused]
    if sum(size.selections for size in sizes) > MOST_SELECTIONS:
        raise DomainError(ErrorCode.QUERY_TOO_COMPLEX)
    roots = [*operations, *unused]
    if sum(_pairs([root.selection_set], fragments) for root in roots) > MOST_PAIRS:
        raise DomainError(ErrorCode.QUERY_TOO_COMPLEX)
    return found


class _Measure:
    """Measures selection sets; each fragment once, whatever spreads it."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Size] = {}
        self._open: set[str] = set()

    def of_operation(self, operation: OperationDefinitionNode) -> Operation:
        own = Size(directives=len(operation.directives or ()))
        size = own.beside(self._of(operation.selection_set))
        return Operation(operation.name.value if operation.name else None, operation.operation.value, size)

    def unused(self) -> list[FragmentDefinitionNode]:
        """The fragments that nothing measured so far spreads: validation looks at them all the same."""
        return [part for name, part in self._fragments.items() if name not in self._known]

    def of_fragment(self, name: str) -> Size:
        if name not in self._fragments:
            return Size()  # validation says so
        if name in self._open:
            raise Refused([GraphQLError(f"Cannot spread fragment '{name}' within itself.")])
        if name not in self._known:
            self._open.add(name)
            self._known[name] = self._of(self._fragments[name].selection_set)
            self._open.discard(name)
        return self._known[name]

    def _of(self, selections: SelectionSetNode | None) -> Size:
        total = Size()
        for selection in selections.selections if selections else ():
            total = total.beside(Size(selections=1, directives=len(selection.directives or ())))
            if isinstance(selection, FieldNode):
                total = total.beside(self._of_field(selection))
            elif isinstance(selection, InlineFragmentNode):
                total = total.beside(self._of(selection.selection_set))
            elif isinstance(selection, FragmentSpreadNode):
                total = total.beside(self.of_fragment(selection.name.value))
        return total

    def _of_field(self, field: FieldNode) -> Size:
        below, name = self._of(field.selection_set), field.name.value
        # A chain of `ofType` is how introspection spells list-of-non-null; it cannot branch.
        step = 0 if name == "ofType" else 1
        return Size(
            below.depth + step,
            below.selections,
            below.fields + 1,
            below.aliases + bool(field.alias),
            below.directives,
            roots=1,
            single=name in ONE_A_REQUEST,
            names=frozenset({name}),
        )


def _pairs(together: list[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode]) -> int:
    """How many pairs of selections share their place in the answer. Takes as long as the selections written out."""
    places: dict[str, list[FieldNode]] = {}
    for field in _fields(together, fragments):
        places.setdefault((field.alias or field.name).value, []).append(field)
    pairs = 0
    for fields in places.values():
        pairs += len(fields) * (len(fields) - 1) // 2
        below = [field.selection_set for field in fields if field.selection_set is not None]
        pairs += _pairs(below, fragments) if below else 0
    return pairs


def _fields(together: list[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode]) -> Iterator[FieldNode]:
    waiting, spread = [selection for each in together for selection in each.selections], set[str]()
    while waiting:
        selection = waiting.pop()
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            waiting.extend(selection.selection_set.selections)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
            spread.add(selection.name.value)
            if selection.name.value in fragments:
                waiting.extend(fragments[selection.name.value].selection_set.selections)
