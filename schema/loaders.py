"""Loaders: many `load(key)` calls of one answer become one query.

A batch function belongs to `models/` or `services/`, takes a list of keys last and answers in that order:

    async def lessons_by_course(course_ids: Sequence[UUID]) -> list[list[Lesson]]: ...
    async def progress_by_lesson(member_id: UUID, lesson_ids: Sequence[UUID]) -> list[LessonProgress | None]: ...

and is used by name, with what does not vary bound in front:

    lessons = await info.context.loaders.of(lessons_by_course).load(self.course_id)
    progress = await info.context.loaders.of(progress_by_lesson, actor.member_id).load(self.lesson_id)

There is one `Loaders` for an operation, and a fresh one for every event of a subscription, so nothing read is ever
stale. A mutation that shows what it changed calls `forget()` after its commit.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar, TypeVarTuple, cast

from strawberry.dataloader import DataLoader

MOST_KEYS_AT_ONCE = 500

Bound = TypeVarTuple("Bound")
Key = TypeVar("Key")
Value = TypeVar("Value")


class Loaders:
    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], DataLoader[Any, Any]] = {}

    def of(
        self, batch: Callable[[*Bound, Sequence[Key]], Awaitable[Sequence[Value]]], *bound: *Bound
    ) -> DataLoader[Key, Value]:
        """The loader of a module-level batch function with `bound` (hashable values) as its first arguments."""
        name = (batch, *bound)
        if name not in self._made:
            load = partial(cast(Callable[..., Any], batch), *bound)
            self._made[name] = DataLoader(load, max_batch_size=MOST_KEYS_AT_ONCE)
        return self._made[name]

    def forget(self) -> None:
        """Read everything anew from here on."""
        self._made.clear()
