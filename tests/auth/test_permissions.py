"""Who reaches what: region subtrees by role."""

from uuid import UUID

import pytest

from auth.actor import Actor, Grant, tops_of
from auth.permissions import (
    may_grant,
    may_manage_clerks,
    may_read_deed,
    may_reveal_phone,
    may_see_file,
    may_see_member,
    may_see_outlet,
    may_see_region,
    may_suspend,
)
from kit.words import PostRole, Role

ME, OTHER = UUID(int=1), UUID(int=2)
CITY, COUNTY, NEXT_CITY = "44/4419/", "44/4419/441901/", "44/4420/"


def actor(*grants: tuple[Role, str]) -> Actor:
    return Actor(ME, UUID(int=9), tuple(Grant(role, UUID(int=5) if path else None, path) for role, path in grants))


def test_roles_are_named_once_in_the_order_of_the_list() -> None:
    assert actor((Role.ADMIN, CITY), (Role.LEARNER, ""), (Role.ADMIN, NEXT_CITY)).roles == (Role.LEARNER, Role.ADMIN)


def test_reach_is_the_tops_of_the_staff_roles_and_no_learner_reaches_anything() -> None:
    assert actor((Role.LEARNER, ""), (Role.LECTURER, "")).reach() == ()
    assert actor((Role.ADMIN, CITY), (Role.AUDITOR, COUNTY), (Role.SUPERVISOR, NEXT_CITY)).reach() == (CITY, NEXT_CITY)
    assert actor((Role.ADMIN, CITY), (Role.AUDITOR, "")).reach() == ("",)
    assert actor((Role.ADMIN, CITY), (Role.AUDITOR, "")).reach(Role.ADMIN) == (CITY,)


def test_no_role_of_learners_is_ever_asked_for_its_reach() -> None:
    with pytest.raises(AssertionError, match="staff"):
        actor((Role.LEARNER, "")).reach(Role.LEARNER)


def test_a_code_that_begins_like_another_is_no_subtree_of_it() -> None:
    assert tops_of(["44/", "441/", "44/4419/"]) == ("44/", "441/")
    assert not may_see_outlet(actor((Role.ADMIN, "44/")), "441/", holds_post=False)


def test_regions_are_seen_below_and_above_but_not_beside() -> None:
    seer = actor((Role.ADMIN, CITY))

    assert [may_see_region(seer, path, []) for path in ("44/", CITY, COUNTY, NEXT_CITY)] == [True, True, True, False]
    assert [may_see_region(actor(), path, [COUNTY]) for path in ("44/", CITY, COUNTY, NEXT_CITY)] == [True] * 3 + [
        False
    ]


def test_outlets_are_seen_in_the_subtree_or_from_behind_the_counter() -> None:
    assert may_see_outlet(actor((Role.AUDITOR, CITY)), COUNTY, holds_post=False)
    assert not may_see_outlet(actor((Role.AUDITOR, CITY)), NEXT_CITY, holds_post=False)
    assert may_see_outlet(actor(), NEXT_CITY, holds_post=True)


def test_members_are_seen_by_themselves_their_colleagues_and_their_staff() -> None:
    assert may_see_member(actor(), ME, [], shares_outlet=False)
    assert may_see_member(actor(), OTHER, [CITY], shares_outlet=True)
    assert not may_see_member(actor(), OTHER, [CITY], shares_outlet=False)
    assert may_see_member(actor((Role.ADMIN, CITY)), OTHER, [NEXT_CITY, COUNTY], shares_outlet=False)
    assert not may_see_member(actor((Role.ADMIN, CITY)), OTHER, [], shares_outlet=False)
    assert may_see_member(actor((Role.ADMIN, "")), OTHER, [], shares_outlet=False)


def test_clerks_are_the_owners_and_the_admins_business() -> None:
    assert may_manage_clerks(actor(), PostRole.OWNER, CITY)
    assert not may_manage_clerks(actor(), PostRole.CLERK, CITY)
    assert not may_manage_clerks(actor((Role.SUPERVISOR, CITY)), None, CITY)
    assert may_manage_clerks(actor((Role.ADMIN, CITY)), None, COUNTY)


def test_admins_suspend_in_their_subtree_and_never_themselves() -> None:
    admin = actor((Role.ADMIN, CITY))

    assert may_suspend(admin, OTHER, [COUNTY], [])
    assert may_suspend(admin, OTHER, [COUNTY], [CITY])
    assert not may_suspend(admin, OTHER, [NEXT_CITY], [])
    assert not may_suspend(actor((Role.ADMIN, "")), ME, [], [])
    assert not may_suspend(actor((Role.AUDITOR, "")), OTHER, [COUNTY], [])


def test_nobody_suspends_whose_staff_roles_reach_further() -> None:
    assert not may_suspend(actor((Role.ADMIN, COUNTY)), OTHER, [COUNTY], [CITY])
    assert not may_suspend(actor((Role.ADMIN, CITY)), OTHER, [COUNTY], [COUNTY, ""])
    assert may_suspend(actor((Role.ADMIN, "")), OTHER, [COUNTY], [""])


def test_roles_are_given_by_admins_within_their_own_and_never_to_themselves() -> None:
    admin = actor((Role.ADMIN, CITY), (Role.AUDITOR, ""))

    assert may_grant(admin, OTHER, [COUNTY], COUNTY)
    assert may_grant(actor((Role.ADMIN, "")), OTHER, [], "")
    assert not may_grant(admin, OTHER, [COUNTY], "")
    assert not may_grant(admin, OTHER, [COUNTY], "44/")
    assert not may_grant(admin, OTHER, [NEXT_CITY], COUNTY)
    assert not may_grant(admin, OTHER, [], COUNTY)
    assert not may_grant(admin, ME, [COUNTY], COUNTY)


def test_what_is_kept_about_a_member_is_for_themselves_and_staff_of_theirs() -> None:
    assert may_see_file(actor(), ME, [])
    assert may_see_file(actor((Role.ACCOUNT_MANAGER, CITY)), OTHER, [NEXT_CITY, COUNTY])
    assert not may_see_file(actor((Role.ADMIN, CITY)), OTHER, [NEXT_CITY])
    assert not may_see_file(actor((Role.ADMIN, CITY)), OTHER, [""])
    assert may_see_file(actor((Role.SUPERVISOR, "")), OTHER, [])


def test_phones_are_revealed_to_admins_alone() -> None:
    assert may_reveal_phone(actor((Role.ADMIN, CITY)), [COUNTY])
    assert not may_reveal_phone(actor((Role.ADMIN, CITY), (Role.SUPERVISOR, NEXT_CITY)), [NEXT_CITY])
    assert not may_reveal_phone(actor((Role.AUDITOR, "")), [COUNTY])


def test_deeds_without_a_region_are_for_those_over_everything() -> None:
    assert may_read_deed(actor((Role.AUDITOR, CITY)), COUNTY)
    assert not may_read_deed(actor((Role.AUDITOR, CITY)), NEXT_CITY)
    assert not may_read_deed(actor((Role.AUDITOR, CITY)), None)
    assert may_read_deed(actor((Role.ADMIN, "")), None)
    assert not may_read_deed(actor((Role.SUPERVISOR, "")), CITY)
