"""Who asks, and in which role.

Whether they may do it to this very object is for `auth/permissions.py`, which services ask.
"""

from auth.actor import Actor
from kit.errors import DomainError, ErrorCode
from kit.words import Role
from schema.context import Info


def viewer(info: Info) -> Actor:
    """The signed-in member; UNAUTHENTICATED when there is none."""
    if info.context.actor is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED)
    return info.context.actor


def staff(info: Info, *roles: Role) -> Actor:
    """The signed-in member if they hold one of `roles` anywhere; FORBIDDEN otherwise."""
    actor = viewer(info)
    if not actor.has(*roles):
        raise DomainError(ErrorCode.FORBIDDEN)
    return actor
