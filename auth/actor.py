"""Who acts in this request, and over which part of the region tree."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from kit.words import Role

STAFF = frozenset({Role.ACCOUNT_MANAGER, Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR})
"""The roles that look after regions. LEARNER and LECTURER open no region to their holder."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role over a region subtree; `region_path` is "" where it holds everywhere."""

    role: Role
    region_id: UUID | None
    region_path: str


@dataclass(frozen=True, slots=True)
class Actor:
    member_id: UUID
    session_id: UUID
    grants: tuple[Grant, ...]
    address: str = ""
    """Where the request came from, for the audit; "" where it came from no network."""
    token_id: str | None = None
    """The `jti` of the access token presented; None where none was, as on the command line."""

    @property
    def roles(self) -> tuple[Role, ...]:
        """The member's roles, each once, in the order of the `Role` list."""
        held = {grant.role for grant in self.grants}
        return tuple(role for role in Role if role in held)

    def has(self, *roles: Role) -> bool:
        """True if the member holds one of these roles anywhere."""
        return any(grant.role in roles for grant in self.grants)

    def reach(self, *roles: Role) -> tuple[str, ...]:
        """The tops of the region subtrees these roles open, as paths; none given: all staff roles. "" is everywhere."""
        asked = frozenset(roles) or STAFF
        assert asked <= STAFF, "only staff roles open regions"
        return tops_of(grant.region_path for grant in self.grants if grant.role in asked)


def tops_of(paths: Iterable[str]) -> tuple[str, ...]:
    """The same subtrees without those that lie inside others."""
    distinct = sorted(set(paths))
    return tuple(path for path in distinct if not any(path != top and path.startswith(top) for top in distinct))
