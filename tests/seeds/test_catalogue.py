"""What the demo's texts, clips and covers promise."""

import hashlib
import struct
from xml.etree import ElementTree

import pytest

from kit.words import CourseForm, CourseKind, OutletTier
from seeds.courses import MODULES, SeedCourse, read_courses
from seeds.covers import CHARACTERS_A_LINE, KEEPS_TOGETHER, cover, lines_of
from seeds.media import FOLDER, read_clips

COURSES = read_courses()
CLIPS = read_clips()
LARGEST_CLIP_BYTES = 300_000


def box(content: bytes, *path: str) -> bytes:
    """The inside of a box of an MP4 file, by the names of the boxes around it."""
    for name in path:
        at = 0
        while content[at + 4 : at + 8] != name.encode():
            at += struct.unpack(">I", content[at : at + 4])[0]
        content = content[at + 8 : at + struct.unpack(">I", content[at : at + 4])[0]]
    return content


def test_there_are_sixty_courses_in_eight_modules_with_two_to_four_lessons_each() -> None:
    assert len(COURSES) == 60
    assert {course.module for course in COURSES} == MODULES.keys()
    assert {len(course.lessons) for course in COURSES} == {2, 3, 4}
    assert 150 <= sum(len(course.lessons) for course in COURSES) <= 180
    assert {course.kind for course in COURSES} == set(CourseKind)
    assert {course.form for course in COURSES} == {CourseForm.VIDEO, CourseForm.AUDIO, CourseForm.ARTICLE}


def test_every_tier_finds_something_in_every_module() -> None:
    for module in MODULES:
        for tier in OutletTier:
            assert any(each.module == module and (not each.tiers or tier in each.tiers) for each in COURSES)


def test_no_two_courses_and_no_two_lessons_of_a_course_share_a_title() -> None:
    assert len({course.title for course in COURSES}) == len(COURSES)
    for course in COURSES:
        assert len({lesson.title for lesson in course.lessons}) == len(course.lessons)


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.code)
def test_a_course_has_a_title_a_summary_and_tags_a_phone_can_show(course: SeedCourse) -> None:
    assert 5 <= len(course.title) <= 16
    assert 15 <= len(course.summary) <= 60
    assert course.summary[-1] in "。？"
    assert 2 <= len(course.tags) <= 4
    for lesson in course.lessons:
        assert 4 <= len(lesson.title) <= 24
        assert (lesson.body is None) != (lesson.clip is None)
        if lesson.body is not None:
            assert len(lesson.body) >= 80
            assert lesson.seconds >= 15
        if lesson.clip is not None:
            assert (lesson.clip.kind, lesson.clip.duration_seconds) == (course.form, lesson.seconds)


@pytest.mark.parametrize("clip", CLIPS.values(), ids=lambda clip: clip.name)
def test_a_clip_is_what_the_manifest_says_and_as_long(clip: object) -> None:
    content = clip.read()  # type: ignore[attr-defined]
    version, scale, length = struct.unpack(">B11xII", box(content, "moov", "mvhd")[:20])

    assert len(content) == clip.size_bytes <= LARGEST_CLIP_BYTES  # type: ignore[attr-defined]
    assert hashlib.sha256(content).hexdigest() == clip.sha256  # type: ignore[attr-defined]
    assert version == 0
    assert length / scale == pytest.approx(clip.duration_seconds, abs=0.1)  # type: ignore[attr-defined]
    assert content.index(b"moov") < content.index(b"mdat")  # plays before all of it has come


def test_the_manifest_names_every_clip_and_nothing_else() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*CLIPS, "manifest.json"}
    assert [clip.kind for clip in CLIPS.values()] == ["VIDEO"] * 3 + ["AUDIO"]


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.code)
def test_a_cover_is_a_picture_that_says_the_title(course: SeedCourse) -> None:
    picture = ElementTree.fromstring(cover(course.module, MODULES[course.module], course.title, 3))
    words = "".join(picture.itertext())

    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert MODULES[course.module] in words
    for line in lines_of(course.title):
        assert line in words
        assert len(line) <= CHARACTERS_A_LINE
        assert line[0] not in KEEPS_TOGETHER


def test_a_title_of_markup_is_shown_and_not_obeyed() -> None:
    picture = ElementTree.fromstring(cover("law", "证照", "<b>&", 0))

    assert "<b>&" in "".join(picture.itertext())
