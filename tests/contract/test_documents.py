"""The contract: the repository's copies are the apps' own, all of it parses, and what is due validates."""

from collections import Counter
from pathlib import Path

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, build_schema, parse, validate

from kit.settings import MOST_COST
from server.api import export_schema, schema
from server.cost import price_of
from server.documents import read_document
from tests.documents import DOCUMENTS, OPERATIONS, files

SNAPSHOT = Path(__file__).parents[2] / "schema.graphql"
CONTRACT = Path(__file__).parents[3] / "shared" / "contract"
"""The apps' own files, where they lie beside the repository."""

DUE = {
    "auth", "boards", "catalogue_admin", "classes", "courses", "game", "game_admin", "home", "insight", "learning",
    "live", "live_admin", "outlets", "people_admin", "points", "privacy", "replay", "stories",
}  # fmt: skip


def test_the_due_files_are_here() -> None:
    assert {path.stem for path in DOCUMENTS.glob("*.graphql")} == DUE


@pytest.mark.parametrize("name", sorted(DUE))
def test_our_copy_is_the_same_as_the_apps(name: str) -> None:
    theirs = CONTRACT / f"{name}.graphql"
    if theirs.exists():
        assert (DOCUMENTS / f"{name}.graphql").read_bytes() == theirs.read_bytes()


def test_every_file_of_the_apps_parses_and_names_are_unique() -> None:
    folder = CONTRACT if CONTRACT.exists() else DOCUMENTS
    names: Counter[str] = Counter()
    for path in folder.glob("*.graphql"):
        for part in parse(path.read_text(encoding="utf-8")).definitions:
            assert isinstance(part, OperationDefinitionNode | FragmentDefinitionNode), path
            assert part.name is not None, path
            names[part.name.value] += 1
    assert [name for name, count in names.items() if count > 1] == []
    assert len(names) >= len(OPERATIONS)


@pytest.mark.parametrize("name", sorted(DUE))
def test_a_due_file_validates_as_a_whole(name: str) -> None:
    assert [error.message for error in validate(schema.graphql_schema, files()[name])] == []


@pytest.mark.parametrize("name", sorted(DUE))
def test_a_due_file_passes_the_servers_own_gate_as_a_whole(name: str) -> None:
    source = (DOCUMENTS / f"{name}.graphql").read_text(encoding="utf-8")
    for part in files()[name].definitions:
        if isinstance(part, OperationDefinitionNode):
            assert part.name is not None
            read_document(schema.graphql_schema, source, part.name.value)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_may_ask_for_its_largest_pages(name: str) -> None:
    document = read_document(schema.graphql_schema, OPERATIONS[name])
    largest = dict.fromkeys(("first", "last", "radius", "top"), 100)

    assert price_of(schema.graphql_schema, document, document.operation(name), largest) <= MOST_COST


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_with_its_fragments_passes_the_servers_own_gate(name: str) -> None:
    document = read_document(schema.graphql_schema, OPERATIONS[name])

    assert document.operation(name).name == name


def test_the_snapshot_is_the_schema() -> None:
    """`make schema` writes it anew; look at what changed before it is committed."""
    assert SNAPSHOT.read_text(encoding="utf-8") == export_schema()
    build_schema(export_schema())
