"""What the database itself refuses, whoever asks."""

from uuid import UUID

import pytest

from kit.db import execute
from kit.ids import new_id
from kit.words import OutletTier
from models.courses import CourseRating
from tests.world import World

REFUSED = {
    "courses_published_whole": "UPDATE courses SET edition_id = NULL WHERE id = $1",
    "courses_form_known": "UPDATE courses SET form = 'FILM' WHERE id = $1",
    "courses_kind_known": "UPDATE courses SET kind = 'NICE' WHERE id = $1",
    "courses_status_known": "UPDATE courses SET status = 'GONE' WHERE id = $1",
    "courses_tiers_known": "UPDATE courses SET audience_tiers = '{NEW,OLD}' WHERE id = $1",
    "courses_percent_range": "UPDATE courses SET completion_percent = 0 WHERE id = $1",
    "courses_counters_range": "UPDATE courses SET rating_count = 1, rating_sum = 6 WHERE id = $1",
    "courses_edition_fk": "UPDATE courses SET edition_id = id WHERE id = $1",
    "course_editions_number_range": "UPDATE course_editions SET number = 0 WHERE course_id = $1",
    "edition_lessons_position_range": "UPDATE edition_lessons SET position = 0 WHERE $1::uuid IS NOT NULL",
    "edition_lessons_duration_range": "UPDATE edition_lessons SET duration_seconds = 0 WHERE $1::uuid IS NOT NULL",
    "edition_lessons_dwell_range": "UPDATE edition_lessons SET dwell_seconds = 9999 WHERE $1::uuid IS NOT NULL",
    "edition_lessons_has_content": "UPDATE edition_lessons SET media_id = NULL WHERE $1::uuid IS NOT NULL",
    "media_assets_kind_known": "UPDATE media_assets SET kind = 'SMELL' WHERE $1::uuid IS NOT NULL",
    "media_assets_size_range": "UPDATE media_assets SET size_bytes = 0 WHERE $1::uuid IS NOT NULL",
    "media_assets_sha256_hex": "UPDATE media_assets SET sha256 = 'unknown' WHERE $1::uuid IS NOT NULL",
    "media_assets_duration_range": "UPDATE media_assets SET duration_seconds = 0 WHERE $1::uuid IS NOT NULL",
    "course_ratings_stars_range": "UPDATE course_ratings SET stars = 6 WHERE course_id = $1",
    "assignments_tier_known": "UPDATE assignments SET tier = 'OLD' WHERE course_id = $1",
    "assignments_one_target": "UPDATE assignments SET tier = NULL WHERE course_id = $1",
}


@pytest.fixture
async def course_id(world: World) -> UUID:
    """A course with a rating and an assignment, so that every table has a row."""
    course = await world.course()
    learner = await world.learner()
    await world.assigned(course, tier=OutletTier.NEW)
    await CourseRating.create(
        id=new_id(), course_id=course.id, member_id=learner.id, stars=5, rated_at=world.ports.clock.now()
    )
    return course.id


@pytest.mark.parametrize("constraint", REFUSED)
async def test_the_database_refuses(course_id: UUID, constraint: str) -> None:
    with pytest.raises(Exception, match=constraint):
        await execute(REFUSED[constraint], course_id)


@pytest.mark.parametrize("other", ["region", "outlet", "tier"])
async def test_an_assignment_to_a_member_names_nobody_else(world: World, other: str) -> None:
    others = {"region": await world.region(), "outlet": await world.outlet(), "tier": OutletTier.NEW}
    course, member = await world.course(), await world.learner()

    with pytest.raises(Exception, match="assignments_one_target"):
        await world.assigned(course, member=member, **{other: others[other]})
