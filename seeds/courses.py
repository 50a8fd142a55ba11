"""The demo's catalogue, read from `texts/`: one file a module, made for people to read and to edit.

# Title of a course
form kind tiers tags                (tiers and tags with commas; tiers may be `all`)
Its summary.
## Title of a lesson
Its article; a lesson without one is a clip of the course's form.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle, repeat
from pathlib import Path

from kit.words import CourseForm, CourseKind, OutletTier
from seeds.media import SeedClip, read_clips

FOLDER = Path(__file__).parent / "texts"
CHARACTERS_A_SECOND = 6
SHORTEST_READING_SECONDS = 15
FOR_ADULTS = "仅限成年人"
"""The tag of a course for adults alone."""

MODULES = {
    "marketing": "市场营销",
    "logistics": "物流仓储",
    "law": "证照法规",
    "ordering": "网上订货",
    "display": "门店陈列",
    "customers": "客户关系",
    "digital": "数字工具",
    "safety": "安全经营",
}


@dataclass(frozen=True, slots=True)
class SeedLesson:
    """A clip, or an article with the time that reading it takes."""

    title: str
    body: str | None
    clip: SeedClip | None
    seconds: int


@dataclass(frozen=True, slots=True)
class SeedCourse:
    code: str
    module: str
    title: str
    form: CourseForm
    kind: CourseKind
    tiers: tuple[OutletTier, ...]
    tags: tuple[str, ...]
    summary: str
    adults_only: bool
    lessons: tuple[SeedLesson, ...]


def read_courses() -> list[SeedCourse]:
    """All courses, module by module in the order of `MODULES`."""
    clips = read_clips()
    return [
        _course(f"{module}-{number:02}", module, text, clips)
        for place, module in enumerate(MODULES, start=1)
        for number, text in enumerate(_sections("# ", (FOLDER / f"{place}-{module}.md").read_text()), start=1)
    ]


def _course(code: str, module: str, text: str, clips: dict[str, SeedClip]) -> SeedCourse:
    head, *lessons = re.split(r"^## ", text, flags=re.MULTILINE)
    title, facts, summary = head.strip().split("\n")
    form, kind, tiers, tags = facts.split(" ")
    films = _clips_for(CourseForm(form.upper()), clips)
    return SeedCourse(
        code=code,
        module=module,
        title=title,
        form=CourseForm(form.upper()),
        kind=CourseKind(kind.upper()),
        tiers=() if tiers == "all" else tuple(OutletTier(tier) for tier in tiers.split(",")),
        tags=tuple(tags.split(",")),
        summary=summary,
        adults_only=FOR_ADULTS in tags.split(","),
        lessons=tuple(_lesson(lesson, films) for lesson in lessons),
    )


def _lesson(text: str, films: Iterator[SeedClip]) -> SeedLesson:
    title, _, body = text.strip().partition("\n")
    if not body:
        clip = next(films)
        return SeedLesson(title, None, clip, clip.duration_seconds)
    paragraphs = "\n\n".join(body.split("\n"))
    seconds = max(SHORTEST_READING_SECONDS, len(body) // CHARACTERS_A_SECOND)
    return SeedLesson(title, paragraphs, None, seconds)


def _clips_for(form: CourseForm, clips: dict[str, SeedClip]) -> Iterator[SeedClip]:
    """The clips of one course, lesson by lesson: of films the shortest first, so that a course begins lightly."""
    fitting = sorted((clip for clip in clips.values() if clip.kind == form), key=lambda clip: clip.duration_seconds)
    return chain(fitting[:1], cycle(fitting[1:]) if len(fitting) > 1 else repeat(fitting[0]) if fitting else ())


def _sections(mark: str, text: str) -> list[str]:
    return [part for part in re.split(rf"^{mark}", text, flags=re.MULTILINE) if part.strip()]
