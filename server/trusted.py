"""Trusted documents: the operations that our own clients send, known before they send them.

`documents/` holds them: `.graphql` files, and manifests as Apollo's and Relay's tools write them. A document is
addressed by the sha256 of its text, so a client may send that alone. An operation of a `.graphql` file is known in the
forms that clients print it in (`spellings`). Nobody can add a document by sending it, as "automatic persisted queries"
do: a list that strangers may write to protects from nobody, and fills with what they send.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    parse,
    print_ast,
    separate_operations,
    visit,
)

from kit.errors import DomainError, ErrorCode
from kit.words import Role
from server.api import schema
from server.documents import MOST_CHARACTERS, MOST_COMMENTS, MOST_TOKENS, REMEMBERED, Operation, Refused, read_document
from server.identity import Identity

DOCUMENTS = Path(__file__).parents[1] / "documents"
APOLLO = "apollo-persisted-query-manifest"
SHA256 = re.compile(r"[0-9a-f]{64}")


class BadDocument(Exception):
    """A trusted document that this schema cannot answer; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One operation of the list: what each id that stands for it means, and its shape, whatever its spelling."""

    name: str
    kind: str
    texts: Mapping[str, str]
    shape: str


@dataclass(frozen=True)
class Trusted:
    """The list, to be asked by id or by text."""

    operations: tuple[Listed, ...]
    _texts: Mapping[str, str] = field(repr=False)
    _shapes: frozenset[str] = field(repr=False)

    def text_of(self, document_id: str) -> str:
        """The document of an id; PERSISTED_QUERY_NOT_FOUND if there is none."""
        text = self._texts.get(document_id)
        if text is None:
            raise DomainError(ErrorCode.PERSISTED_QUERY_NOT_FOUND)
        return text

    def holds(self, source: str) -> bool:
        """Whether this text is one of the list, however it is laid out and with or without `__typename`."""
        return self.knows(source) or _shape(source) in self._shapes

    def knows(self, source: str) -> bool:
        """Whether this is one of the list in a spelling that clients send: told without reading it."""
        return sha256(source) in self._texts


@cache
def load_trusted(folder: Path = DOCUMENTS) -> Trusted:
    """Every document under `folder`, validated against the schema. `BadDocument` for the first that is not right."""
    operations = [operation for path in sorted(folder.iterdir()) for operation in _read(path)]
    texts: dict[str, str] = {}
    for operation in operations:
        for document_id, text in operation.texts.items():
            if texts.setdefault(document_id, text) != text:
                raise BadDocument(f"{operation.name}: {document_id} stands for another document too.")
    return Trusted(tuple(operations), texts, frozenset(operation.shape for operation in operations))


def refuse_untrusted(identity: Identity | None) -> None:
    """PERSISTED_QUERY_NOT_FOUND for everyone but admins, who may ask in their own words."""
    if identity is None or not identity.actor.has(Role.ADMIN):
        raise DomainError(ErrorCode.PERSISTED_QUERY_NOT_FOUND)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def spellings(document: DocumentNode) -> list[str]:
    """The texts in which clients send the one operation of a document, the canonical one first.

    Canonical: as graphql-js prints the operation and then its fragments by name, a blank line between. Apollo Client
    and urql print the fragments where their source has them, and add `__typename` to every selection set but the root.
    """
    orders = (_by_name(document), document)
    forms = [form for each in orders for form in (each, visit(each, _AddTypename()))]
    return list(dict.fromkeys(print_ast(form) for form in forms))


def _read(path: Path) -> Iterator[Listed]:
    try:
        content = path.read_text(encoding="utf-8")
        if path.suffix == ".graphql":
            yield from _from_source(content)
        elif path.suffix == ".json":
            yield from _from_manifest(orjson.loads(content))
    except (KeyError, TypeError) as error:
        raise BadDocument(f"{path.name}: an entry of the manifest is not as it should be.") from error
    except (BadDocument, GraphQLError, ValueError) as error:
        raise BadDocument(f"{path.name}: {error}") from error


def _from_source(content: str) -> Iterator[Listed]:
    for name, document in separate_operations(parse(content, no_location=True)).items():
        if not name:
            raise BadDocument("every operation needs a name.")
        texts = spellings(document)
        longest = _validated(name, max(texts, key=len))
        yield Listed(name, longest.kind, {sha256(text): text for text in texts}, _shape_of(document))


def _from_manifest(manifest: object) -> Iterator[Listed]:
    """Apollo's manifest, or Relay's map from id to text, whose ids are MD5 unless its compiler is told otherwise."""
    if not isinstance(manifest, dict):
        raise BadDocument("neither a manifest of Apollo's nor one of Relay's.")
    if "format" not in manifest:
        for document_id, text in manifest.items():
            yield _from_entry(document_id, text)
        return
    if (manifest["format"], manifest.get("version")) != (APOLLO, 1):
        raise BadDocument("a manifest of an unknown format or version.")
    for entry in manifest["operations"]:
        listed = _from_entry(entry["id"], entry["body"])
        if (listed.name, listed.kind) != (entry["name"], entry["type"]):
            raise BadDocument(f"{entry['name']}: its body is another operation.")
        yield listed


def _from_entry(document_id: object, text: object) -> Listed:
    if not isinstance(document_id, str) or not isinstance(text, str):
        raise BadDocument("ids and documents are text.")
    own = sha256(text)
    if SHA256.fullmatch(document_id) and document_id != own:
        raise BadDocument(f"{document_id} is not the sha256 of its document.")
    operation = _validated(document_id, text)
    shape = _shape_of(parse(text, no_location=True))
    return Listed(operation.name or "", operation.kind, {document_id: text, own: text}, shape)


def _validated(name: str, text: str) -> Operation:
    """The one operation of a document that passes the gate which every request passes."""
    try:
        document = read_document(schema.graphql_schema, text)
    except Refused as refused:
        raise BadDocument(f"{name}: {refused.errors[0].message}") from refused
    except DomainError as error:
        raise BadDocument(f"{name}: {error.code.value}") from error
    if len(document.operations) != 1:
        raise BadDocument(f"{name}: a document holds one operation.")
    return document.operations[0]


@lru_cache(maxsize=REMEMBERED)
def _shape(source: str) -> str | None:
    """The shape of a text; None for what is too long or no GraphQL."""
    if len(source) > MOST_CHARACTERS:
        return None
    try:
        return _shape_of(parse(source, no_location=True, max_lexical_tokens=MOST_TOKENS, max_comments=MOST_COMMENTS))
    except GraphQLError:
        return None


def _shape_of(document: DocumentNode) -> str:
    """sha256 of a document's canonical text without `__typename`: what it asks for beyond that changes it."""
    return sha256(print_ast(_by_name(visit(document, _DropTypename()))))


def _by_name(document: DocumentNode) -> DocumentNode:
    return DocumentNode(definitions=tuple(sorted(document.definitions, key=_place)))


def _place(part: object) -> str:
    """The operation comes before its fragments, and these by name."""
    return part.name.value if isinstance(part, FragmentDefinitionNode) else ""


def _is_typename(node: object) -> bool:
    return isinstance(node, FieldNode) and node.name.value == "__typename" and not node.alias and not node.directives


class _AddTypename(Visitor):
    """Adds `__typename` as the last field of every selection set that has none, but for the operation's own."""

    def leave_selection_set(
        self, node: SelectionSetNode, _key: object, parent: object, *_: object
    ) -> SelectionSetNode | None:
        if isinstance(parent, OperationDefinitionNode) or any(_is_typename(each) for each in node.selections):
            return None
        typename = FieldNode(name=NameNode(value="__typename"), arguments=(), directives=())
        return SelectionSetNode(selections=(*node.selections, typename))


class _DropTypename(Visitor):
    def leave_selection_set(self, node: SelectionSetNode, *_: object) -> SelectionSetNode:
        return SelectionSetNode(selections=tuple(each for each in node.selections if not _is_typename(each)))
