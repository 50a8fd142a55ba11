"""What every resolver is given as `info.context`."""

from dataclasses import dataclass, field, replace
from typing import Self

import strawberry

from auth.actor import Actor
from kit.words import Language
from schema.loaders import Loaders
from services.ports import Ports


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

    def fresh(self) -> Self:
        """The same request with nothing loaded yet; every event of a subscription gets one."""
        return replace(self, loaders=Loaders())


Info = strawberry.Info[Context, None]
