from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kit.db import execute, rows, transaction
from kit.ids import new_id
from kit.paging import Ask
from kit.words import CourseForm, CourseKind, CourseSort, CourseStatus, OutletTier, ProgressState
from models.course_lists import CourseFilter, count_courses, course_key, course_page, search_query
from models.courses import Course
from tests.world import World


async def found(wanted: CourseFilter) -> set[UUID]:
    page = await course_page(None, wanted, CourseSort.NEWEST, Ask(100))
    assert await count_courses(wanted) == len(page.rows)
    return {card.course.id for card in page.rows}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("陈列", True),
        ("烟柜", True),  # in the tags
        ("客流", True),  # in the summary
        ("陈列 客流", True),  # every part, wherever it stands
        ("陈列技巧", True),
        ("列陈", False),
        ("陈客", False),
        ("陈", True),
        ("巧", True),  # the last character of a run
        ("excel", True),
        ("EXC", True),
        ("ｅｘｃｅｌ", True),  # full-width
        ("xcel", False),
        ("50", True),
        ("陈列 没有", False),
        ("   ", True),
        ("！？'&|:*", False),
        ("陈列' | '没有", False),
    ],
)
async def test_text_finds_chinese_of_one_and_more_characters_and_the_beginnings_of_words(
    world: World, text: str, matches: bool
) -> None:
    course = await world.course("货架陈列技巧", summary="用Excel看客流，50家门店的做法", tags=["烟柜", "橱窗"])
    await world.course("别的课程")

    assert (course.id in await found(CourseFilter(text=text))) is matches


def test_a_query_is_made_of_pairs_single_beginnings_and_words() -> None:
    assert search_query("陈列技巧 Excel 烟") == "'陈列' & '列技' & '技巧' & 'excel':* & '烟':*"
    assert search_query("？！") is None


async def test_a_changed_title_is_found_by_its_new_words_only(world: World) -> None:
    course = await world.course("旧名字")

    await Course.filter(id=course.id).update(title="新标题")

    assert await found(CourseFilter(text="标题")) == {course.id}
    assert await found(CourseFilter(text="名字")) == set()


async def test_each_filter_keeps_what_it_names_and_all_hold_together(world: World) -> None:
    module = await world.module()
    wanted = await world.course(
        "一", module=module, form=CourseForm.AUDIO, kind=CourseKind.PUBLIC, tiers=[OutletTier.NEW, OutletTier.MODERN]
    )
    other = await world.course("二", form=CourseForm.VIDEO, kind=CourseKind.REQUIRED, tiers=[OutletTier.PARTNER])

    assert await found(CourseFilter(module_id=module.id)) == {wanted.id}
    assert await found(CourseFilter(form=CourseForm.AUDIO)) == {wanted.id}
    assert await found(CourseFilter(kind=CourseKind.REQUIRED)) == {other.id}
    assert await found(CourseFilter(tier=OutletTier.MODERN)) == {wanted.id}
    assert await found(CourseFilter(tier=OutletTier.ORDINARY)) == set()
    assert await found(CourseFilter(form=CourseForm.AUDIO, kind=CourseKind.REQUIRED)) == set()


async def test_a_course_that_names_no_tier_is_for_every_tier(world: World) -> None:
    everyone = await world.course()

    assert await found(CourseFilter(tier=OutletTier.NEW)) == {everyone.id}


async def test_only_published_courses_are_listed_unless_another_state_is_asked_for(world: World) -> None:
    draft = await world.course(status=CourseStatus.DRAFT)
    shown = await world.course()

    assert await found(CourseFilter()) == {shown.id}
    assert await found(CourseFilter(status=CourseStatus.DRAFT)) == {draft.id}


async def test_without_a_member_nothing_has_been_begun(world: World) -> None:
    course = await world.course()

    assert await found(CourseFilter(state=ProgressState.NOT_STARTED)) == {course.id}
    assert await found(CourseFilter(state=ProgressState.IN_PROGRESS)) == set()


async def _shelf(world: World) -> dict[str, UUID]:
    now = world.ports.clock.now()
    made = {
        name: (await world.course(name, published_at=now - timedelta(days=days))).id
        for name, days in (("a", 4), ("b", 3), ("c", 2), ("d", 1), ("e", 1))
    }
    for name, views, stars, opinions in (("a", 5, 10, 2), ("b", 9, 9, 2), ("c", 5, 5, 1), ("d", 0, 0, 0)):
        await Course.filter(id=made[name]).update(view_count=views, rating_sum=stars, rating_count=opinions)
    return made


@pytest.mark.parametrize(
    ("sort", "order"), [(CourseSort.NEWEST, "edcba"), (CourseSort.POPULAR, "bcaed"), (CourseSort.BEST_RATED, "acbed")]
)
async def test_pages_run_through_each_order_without_gap_or_repeat_in_both_directions(
    world: World, sort: CourseSort, order: str
) -> None:
    made = await _shelf(world)
    names = {course_id: name for name, course_id in made.items()}

    forward, after = "", None
    while True:
        page = await course_page(None, CourseFilter(), sort, Ask(2, after=after))
        forward += "".join(names[card.course.id] for card in page.rows)
        if not page.has_next:
            break
        after = course_key(sort, page.rows[-1].course)
    last = await course_page(None, CourseFilter(), sort, Ask(2, backwards=True))
    before = await course_page(
        None, CourseFilter(), sort, Ask(2, before=course_key(sort, last.rows[0].course), backwards=True)
    )

    assert forward == order
    assert "".join(names[card.course.id] for card in [*before.rows, *last.rows]) == order[1:]
    assert before.has_previous
    assert before.has_next


@pytest.mark.parametrize("sort", CourseSort)
@pytest.mark.parametrize("backwards", [False, True])
async def test_every_order_is_read_from_its_index_and_not_sorted(
    world: World, statements: list[tuple[str, list[Any]]], sort: CourseSort, backwards: bool
) -> None:
    await _shelf(world)
    statements.clear()

    await course_page(None, CourseFilter(), sort, Ask(2, backwards=backwards))
    [(sql, values)] = statements
    plan = await _plan(sql, values)

    assert f"courses_{sort.lower()}" in plan
    assert "Sort" not in plan


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (CourseFilter(module_id=new_id()), "courses_module"),
        (CourseFilter(form=CourseForm.AUDIO), "courses_form"),
        (CourseFilter(kind=CourseKind.PUBLIC), "courses_kind"),
        (CourseFilter(tier=OutletTier.NEW), "courses_tiers"),
        (CourseFilter(text="陈列"), "courses_search"),
    ],
)
async def test_every_filter_has_an_index_that_can_answer_it(
    world: World, statements: list[tuple[str, list[Any]]], wanted: CourseFilter, index: str
) -> None:
    await _shelf(world)
    statements.clear()
    await count_courses(wanted)
    [(sql, values)] = statements

    async def others_dropped() -> str:
        for other in ("newest", "popular", "best_rated", "module", "form", "kind", "tiers", "search"):
            if f"courses_{other}" != index:
                await execute(f"DROP INDEX courses_{other}")
        plan = await _explained(sql, values)
        raise Rollback(plan)

    with pytest.raises(Rollback) as found:
        await transaction(others_dropped)

    assert index in str(found.value)


class Rollback(Exception):
    """Carries an answer out of a transaction that leaves nothing behind."""


async def _plan(sql: str, values: list[Any]) -> str:
    return await transaction(lambda: _explained(sql, values))


async def _explained(sql: str, values: list[Any]) -> str:
    """The plan of a statement where reading the whole table, or sorting it, is the last resort."""
    await execute("SET LOCAL enable_seqscan = off")
    await execute("SET LOCAL enable_sort = off")
    return "\n".join(row["QUERY PLAN"] for row in await rows(f"EXPLAIN {sql}", *values))
