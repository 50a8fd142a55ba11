"""What an actor may do to one object: pure answers, so that phone, worker and command line meet one rule."""

from collections.abc import Iterable
from uuid import UUID

from auth.actor import STAFF, Actor
from kit.words import CourseStatus, PostRole, Role


def within(path: str, tops: Iterable[str]) -> bool:
    """True if the region at `path` lies in one of the subtrees, their tops included."""
    return any(path.startswith(top) for top in tops)


def may_see_region(actor: Actor, path: str, own_paths: Iterable[str]) -> bool:
    """Staff see their subtrees, a learner the regions of the own outlets; both see what lies above."""
    tops = [*actor.reach(), *own_paths]
    return within(path, tops) or any(top.startswith(path) for top in tops)


def may_see_outlet(actor: Actor, region_path: str, *, holds_post: bool) -> bool:
    """Staff see the outlets of their subtrees, a learner the own ones."""
    return holds_post or within(region_path, actor.reach())


def may_see_member(actor: Actor, member_id: UUID, region_paths: Iterable[str], *, shares_outlet: bool) -> bool:
    """Oneself, the people of the own outlets, and for staff whoever holds a post in their subtrees.

    `region_paths` are those of the member's open posts; someone without a post is seen by staff of everywhere.
    """
    reach = actor.reach()
    return (
        member_id == actor.member_id
        or shares_outlet
        or "" in reach
        or any(within(path, reach) for path in region_paths)
    )


def may_manage_clerks(actor: Actor, own_role: PostRole | None, region_path: str) -> bool:
    """Owners of the outlet, and admins of its region."""
    return own_role is PostRole.OWNER or within(region_path, actor.reach(Role.ADMIN))


def may_suspend(actor: Actor, member_id: UUID, region_paths: Iterable[str]) -> bool:
    """Admins, over whoever holds a post in their subtrees; nobody over oneself."""
    reach = actor.reach(Role.ADMIN)
    return member_id != actor.member_id and ("" in reach or any(within(path, reach) for path in region_paths))


def may_see_course(actor: Actor | None, status: CourseStatus) -> bool:
    """Everyone sees what is published; staff also what is not yet, or no longer."""
    return status is CourseStatus.PUBLISHED or (actor is not None and actor.has(*STAFF))
