"""Groups of staff hear from their robots what becomes of live lessons."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from kit.db import rows, transaction
from kit.words import LiveStatus
from models.live import LiveLesson, locked_lesson
from providers.push.base import NotPushed
from services.live import move_live_lesson
from services.live_news import lesson_rescheduled
from services.ports import Ports
from tests.world import World
from workers.relay import drain, relay_once


@dataclass
class Group:
    """A robot whose group we read."""

    name: str
    heard: list[tuple[str, str]] = field(default_factory=list)
    failing: NotPushed | None = None

    async def say(self, title: str, text: str) -> None:
        if self.failing is not None:
            raise self.failing
        self.heard.append((title, text))


@pytest.fixture
def groups(ports: Ports) -> tuple[Ports, Group, Group]:
    first, second = Group("oapi.dingtalk.com-1"), Group("qyapi.weixin.qq.com-2")
    return replace(ports, robots=(first, second)), first, second


async def go(ports: Ports, lesson: LiveLesson, to: LiveStatus) -> None:
    async def work() -> None:
        held = await locked_lesson(lesson.id)
        assert held is not None
        await move_live_lesson(ports, held, to, by=None, cause="test")

    await transaction(work)


async def test_every_group_hears_once_that_a_lesson_does_not_take_place(
    groups: tuple[Ports, Group, Group], world: World
) -> None:
    ports, first, second = groups
    lesson = await world.live_lesson("荔枝怎么卖")

    await go(ports, lesson, LiveStatus.CANCELLED)
    await drain(ports)
    await drain(ports)

    assert [title for title, _ in first.heard] == ["直播取消"]
    assert "荔枝怎么卖" in first.heard[0][1]
    assert second.heard == first.heard


async def test_a_group_out_of_reach_hears_later_and_the_other_not_twice(
    groups: tuple[Ports, Group, Group], world: World
) -> None:
    ports, first, second = groups
    first.failing = NotPushed("unanswered", again=True)
    lesson = await world.live_lesson()

    await go(ports, lesson, LiveStatus.CANCELLED)
    for _ in range(4):
        await relay_once(ports)
    while_away = list(second.heard)
    first.failing = None
    while await rows("SELECT FROM outbox WHERE topic = 'staff'"):
        await relay_once(ports)

    assert len(while_away) == 1
    assert len(first.heard) == len(second.heard) == 1


async def test_a_lesson_that_moves_within_the_week_is_said_and_one_far_ahead_is_not(
    groups: tuple[Ports, Group, Group], world: World
) -> None:
    ports, first, _ = groups
    soon = await world.live_lesson()
    far = await world.live_lesson(starts_at=ports.clock.now() + timedelta(days=30))

    async def work() -> None:
        for lesson in (soon, far):
            await lesson_rescheduled(ports, lesson, lesson)

    await transaction(work)
    await drain(ports)

    assert [title for title, _ in first.heard] == ["直播改期"]
