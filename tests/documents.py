"""The operations that the apps send, from the repository's own copies of their files."""

from pathlib import Path

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

DOCUMENTS = Path(__file__).parents[1] / "documents"


class _Spreads(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        self.names.add(node.name.value)


def spreads(node: Node) -> set[str]:
    found = _Spreads()
    visit(node, found)
    return found.names


def files() -> dict[str, DocumentNode]:
    return {path.stem: parse(path.read_text(encoding="utf-8")) for path in sorted(DOCUMENTS.glob("*.graphql"))}


def operations() -> dict[str, str]:
    """Name of an operation -> the text a client sends: the operation with the fragments it uses."""
    found: dict[str, str] = {}
    for document in files().values():
        fragments = {part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)}
        for part in document.definitions:
            if isinstance(part, OperationDefinitionNode):
                assert part.name is not None
                found[part.name.value] = "\n\n".join(print_ast(node) for node in [part, *_used(part, fragments)])
    return found


def _used(part: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]) -> list[FragmentDefinitionNode]:
    waiting, taken = spreads(part), dict[str, FragmentDefinitionNode]()
    while waiting:
        name = waiting.pop()
        if name not in taken:
            taken[name] = fragments[name]
            waiting |= spreads(fragments[name])
    return list(taken.values())


OPERATIONS = operations()
