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
    """Oneself, the people of the own outlets, and for staff whoever holds a post or a role in their subtrees.

    `region_paths` are those of the member's open posts and roles; someone without any is seen by staff of everywhere.
    """
    reach = actor.reach()
    return (
        member_id == actor.member_id
        or shares_outlet
        or "" in reach
        or any(within(path, reach) for path in region_paths if path)
    )


def may_manage_clerks(actor: Actor, own_role: PostRole | None, region_path: str) -> bool:
    """Owners of the outlet, and admins of its region."""
    return own_role is PostRole.OWNER or within(region_path, actor.reach(Role.ADMIN))


def reach_over_people(actor: Actor) -> tuple[str, ...]:
    """The subtrees whose people an actor may list and whose deeds in the audit they may read: as admin or auditor.

    Account managers and supervisors meet single people, at outlets and on boards; they have no list of them.
    """
    return actor.reach(Role.ADMIN, Role.AUDITOR)


def may_see_file(actor: Actor, member_id: UUID, places: Iterable[str]) -> bool:
    """What is kept about a member (masked phone, roles, last seen, suspended): oneself, and staff of their regions.

    `places` are the regions of the member's open posts and of their roles, as paths.
    """
    reach = actor.reach()
    return member_id == actor.member_id or "" in reach or any(within(place, reach) for place in places if place)


def may_reveal_phone(actor: Actor, places: Iterable[str]) -> bool:
    """Admins, of whoever holds a post or a role in their subtrees."""
    return _administers(actor, places)


def may_grant(actor: Actor, member_id: UUID, places: Iterable[str], region_path: str) -> bool:
    """Admins give and take roles over regions they administer themselves, to people there; nobody their own.

    `region_path` is "" for a role that holds everywhere.
    """
    reach = actor.reach(Role.ADMIN)
    return member_id != actor.member_id and _administers(actor, places) and within(region_path, reach)


def may_suspend(actor: Actor, member_id: UUID, places: Iterable[str], staff_paths: Iterable[str]) -> bool:
    """Admins, over whoever holds a post or a role in their subtrees; nobody over oneself or over someone whose staff
    roles reach further than the own (`staff_paths`)."""
    reach = actor.reach(Role.ADMIN)
    return (
        member_id != actor.member_id
        and _administers(actor, places)
        and all(within(path, reach) for path in staff_paths)
    )


def may_read_deed(actor: Actor, region_path: str | None) -> bool:
    """An audit entry: admins and auditors of its region; without a region those of everywhere."""
    reach = reach_over_people(actor)
    return "" in reach or (region_path is not None and within(region_path, reach))


def may_upload(actor: Actor, kind: str | None, *, makes_courses: bool = False) -> bool:
    """Everyone uploads pictures, of themselves at least; other media lecturers, whoever makes a course, and staff who
    change things; admins sheets (None)."""
    if kind == "IMAGE":
        return True
    if kind is None:
        return actor.has(Role.ADMIN)
    return makes_courses or actor.has(Role.LECTURER, *(STAFF - {Role.AUDITOR}))


def may_confirm_adult(actor: Actor, member_id: UUID, places: Iterable[str]) -> bool:
    """Admins, of whoever holds a post or a role in their subtrees; nobody of oneself."""
    return member_id != actor.member_id and _administers(actor, places)


def may_see_course(actor: Actor | None, status: CourseStatus) -> bool:
    """Everyone sees what is published; staff also what is not yet, or no longer. Its makers, and whoever began it
    before it was retired, are asked for beside this."""
    return status is CourseStatus.PUBLISHED or (actor is not None and actor.has(*STAFF))


def may_propose_course(actor: Actor) -> bool:
    """Shop people, lecturers and staff who change things; an account alone is soon made."""
    return actor.has(Role.LEARNER, Role.LECTURER, *(STAFF - {Role.AUDITOR}))


def may_make_course(actor: Actor, proposed_by: UUID | None, team: Iterable[UUID]) -> bool:
    """Who proposed the course, and its team: they change it while it is a draft, and hand it in."""
    return actor.member_id == proposed_by or actor.member_id in team


def may_run_course(actor: Actor, region_path: str) -> bool:
    """Admins of the region the course was proposed from ("": everywhere): they say who makes it."""
    return within(region_path, actor.reach(Role.ADMIN))


def may_review_course(actor: Actor, region_path: str, makers: Iterable[UUID]) -> bool:
    """Admins of its region, but nobody who proposed it or ever was in its team: what is published was looked at by
    somebody else, also if an admin made it. `makers` are those of all times."""
    return may_run_course(actor, region_path) and actor.member_id not in makers


def may_see_credit(actor: Actor, member_id: UUID, places: Iterable[str]) -> bool:
    """A lecturer's credit: they themselves, admins and auditors of their regions."""
    reach = actor.reach(Role.ADMIN, Role.AUDITOR)
    return member_id == actor.member_id or "" in reach or any(within(place, reach) for place in places if place)


def may_assign(actor: Actor, region_path: str) -> bool:
    """Admins ask what is to be learned of the people and outlets of their subtrees."""
    return within(region_path, actor.reach(Role.ADMIN))


def may_assign_to(actor: Actor, places: Iterable[str]) -> bool:
    """Admins ask it of a single person whose post or role lies in their subtrees."""
    return _administers(actor, places)


def may_run_offers(actor: Actor, region_path: str) -> bool:
    """Admins make rewards and prize draws for the regions they administer, and see them through; "" is everywhere."""
    return within(region_path, actor.reach(Role.ADMIN))


def may_set_tasks(actor: Actor) -> bool:
    """Admins of everywhere: a task is offered to a tier, wherever it is."""
    return "" in actor.reach(Role.ADMIN)


def may_see_redemptions(actor: Actor) -> tuple[str, ...]:
    """The subtrees whose redemptions the actor may look at: those they administer or audit."""
    return actor.reach(Role.ADMIN, Role.AUDITOR)


def may_run_seasons(actor: Actor) -> bool:
    """A season is everybody's: admins of everywhere."""
    return "" in actor.reach(Role.ADMIN)


def may_make_badges(actor: Actor) -> bool:
    """Badges are the same for everybody: admins of everywhere."""
    return "" in actor.reach(Role.ADMIN)


def may_change_rules(actor: Actor) -> bool:
    """The rules of the game are the same for everybody: admins of everywhere."""
    return "" in actor.reach(Role.ADMIN)


def may_arrange_paths(actor: Actor) -> bool:
    """A path is for a tier everywhere: admins of everywhere."""
    return "" in actor.reach(Role.ADMIN)


def may_correct_points(actor: Actor, member_id: UUID, places: Iterable[str]) -> bool:
    """Admins, of whoever holds a post or a role in their subtrees; nobody the own."""
    return member_id != actor.member_id and _administers(actor, places)


def may_run_contests(actor: Actor) -> bool:
    """Photo-story contests are for all learners alike: admins of everywhere announce them."""
    return "" in actor.reach(Role.ADMIN)


def may_tell_stories(actor: Actor) -> bool:
    """Whoever learns at a shop takes part in contests, with a story and with votes; an account alone is soon made."""
    return actor.has(Role.LEARNER)


def may_vote_for(actor: Actor, author_id: UUID) -> bool:
    """Learners, for the stories of others."""
    return may_tell_stories(actor) and author_id != actor.member_id


def may_judge_story(actor: Actor, author_id: UUID, juror_ids: Iterable[UUID]) -> bool:
    """The jury of the contest; nobody their own story."""
    return actor.member_id in juror_ids and author_id != actor.member_id


def reach_over_stories(actor: Actor) -> tuple[str, ...]:
    """The subtrees whose stories an actor may read before they are published: those they administer or audit."""
    return actor.reach(Role.ADMIN, Role.AUDITOR)


def may_review_story(actor: Actor, author_id: UUID, region_path: str) -> bool:
    """Admins, of stories from their regions; nobody their own. `region_path` is "" of an author who stood nowhere."""
    return author_id != actor.member_id and within(region_path, actor.reach(Role.ADMIN))


def may_run_live(actor: Actor, region_path: str) -> bool:
    """Admins schedule live lessons for the regions they administer, and change them; "" is everywhere."""
    return within(region_path, actor.reach(Role.ADMIN))


def may_hold_live(actor: Actor, host_id: UUID, region_path: str) -> bool:
    """A live lesson is held by its host, and by the admins of its region: they stream it, and run its room."""
    return actor.member_id == host_id or may_run_live(actor, region_path)


def may_host(roles: Iterable[Role]) -> bool:
    """Lecturers stand before the camera."""
    return Role.LECTURER in roles


def reach_over_insight(actor: Actor) -> tuple[str, ...]:
    """The subtrees whose sums an actor may look at, what the academy brought there: those of any staff role."""
    return actor.reach()


def reach_over_reports(actor: Actor) -> tuple[str, ...]:
    """The subtrees of which an actor may have files made that leave the house: as admin or auditor, as they may list
    the people there."""
    return reach_over_people(actor)


def reach_over_classes(actor: Actor) -> tuple[str, ...]:
    """The subtrees whose offline classes an actor sees without being a learner there: all staff, of their regions."""
    return actor.reach()


def may_run_classes(actor: Actor, region_path: str) -> bool:
    """Admins plan offline classes for the regions they administer; "" is everywhere."""
    return within(region_path, actor.reach(Role.ADMIN))


def may_sign_up_for_class(actor: Actor, trainer_id: UUID, region_path: str, own_path: str | None) -> bool:
    """Learners of the class's region, by the shop where they learn now; nobody for what they train."""
    invited = own_path is not None and own_path.startswith(region_path)
    return actor.has(Role.LEARNER) and invited and actor.member_id != trainer_id


def may_hold_class(actor: Actor, trainer_id: UUID, region_path: str) -> bool:
    """Show the check-in code and check others in: the trainer, and admins of the class's region."""
    return actor.member_id == trainer_id or may_run_classes(actor, region_path)


def may_see_class_list(actor: Actor, trainer_id: UUID, region_path: str) -> bool:
    """Who signed up and who came: the trainer, and admins and auditors of the class's region."""
    return actor.member_id == trainer_id or within(region_path, actor.reach(Role.ADMIN, Role.AUDITOR))


def may_judge(actor: Actor, member_id: UUID, region_path: str) -> bool:
    """Admins judge suspicions from their subtrees; nobody those about oneself."""
    return member_id != actor.member_id and within(region_path, actor.reach(Role.ADMIN))


def _administers(actor: Actor, places: Iterable[str]) -> bool:
    reach = actor.reach(Role.ADMIN)
    return "" in reach or any(within(place, reach) for place in places if place)
