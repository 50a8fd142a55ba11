"""What every resolver is given as `info.context`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Self

import strawberry

from auth.actor import Actor
from kit.words import Language
from schema.loaders import Loaders
from schema.node import Node
from services.ports import Ports

Find = Callable[["Info", str], Awaitable[Node | None]]
"""How `node` finds an object by its global id; given from above, where all nouns are known."""


async def find_nothing(info: "Info", gid: str) -> Node | None:
    return None


@dataclass(frozen=True, slots=True)
class Context:
    """One operation: who asks, in which language, and what it may use.

    Resolvers do not look at `actor` themselves: `resolvers/guard.py` gives it or refuses.
    """

    ports: Ports
    actor: Actor | None
    language: Language
    request_id: str
    address: str
    """The client's network address, for limits."""
    loaders: Loaders = field(default_factory=Loaders)
    ask_again: Callable[[], Awaitable[Actor | None]] | None = None
    """Who acts now, asked before every event of a subscription; raises once they may not go on."""

    find: Find = find_nothing
    """An object the actor may see, by its global id."""

    async def at_event(self) -> Self:
        """The same request at an event of its subscription: nothing loaded yet, and the actor as they are by now."""
        actor = await self.ask_again() if self.ask_again is not None else self.actor
        return replace(self, actor=actor, loaders=Loaders())


Info = strawberry.Info[Context, None]
