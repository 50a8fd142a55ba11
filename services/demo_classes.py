"""The demo's offline classes: one that is over, one tomorrow, one with a waitlist."""

from datetime import timedelta

from gamification.facts import ClassCheckedIn
from kit.clock import day_of, day_start
from kit.db import transaction
from kit.words import AttendanceOutcome, Role, SeatState
from models.classes import ClassAttendance, ClassSeat, OfflineClass, classes_by_ids
from seeds.classes import CLASSES, HALL, SeedClass
from seeds.town import ACCOUNTS
from services.demo_city import City, Resident
from services.points import reward
from services.ports import Ports

ANNOUNCED = timedelta(days=14)


async def hold_classes(ports: Ports, city: City, residents: list[Resident]) -> None:
    """Make the classes with these residents as pupils, those of the town's trainer for everybody; again: nothing."""

    async def work() -> None:
        for seed in CLASSES:
            if await classes_by_ids([city.id("class", seed.key)]) == [None]:
                await _hold(ports, city, seed, residents)

    await transaction(work)


async def _hold(ports: Ports, city: City, seed: SeedClass, residents: list[Resident]) -> None:
    [trainer, *_] = [city.id("member", each.key) for each in ACCOUNTS if each.role is Role.LECTURER]
    starts_at = day_start(day_of(city.now) + timedelta(days=seed.days)) + timedelta(hours=seed.hour)
    announced_at = min(starts_at, city.now) - ANNOUNCED
    pupils = [each for each in residents if each.joined_at < announced_at][: seed.pupils]
    row = await OfflineClass.create(
        id=city.id("class", seed.key), title=seed.title, trainer_id=trainer, place=seed.place, address=seed.address,
        latitude=HALL[0], longitude=HALL[1], starts_at=starts_at, ends_at=starts_at + seed.lasts,
        capacity=seed.capacity, arrivals=len(pupils), created_at=announced_at,
        settled_at=starts_at + seed.lasts if seed.days < 0 else None,
    )  # fmt: skip
    for number, pupil in enumerate(pupils):
        signed_up_at = announced_at + timedelta(hours=1 + number)
        seated = number < seed.capacity
        await ClassSeat.create(
            id=city.id("class seat", f"{seed.key} {number}"), offline_class=row, member_id=pupil.member_id,
            state=SeatState.SEATED if seated else SeatState.WAITLISTED, arrival=number + 1,
            signed_up_at=signed_up_at, seated_at=signed_up_at if seated else None,
        )  # fmt: skip
        if seed.days < 0:
            await _attend(ports, city, seed, row, number, pupil, there=number < len(pupils) - seed.absent)


async def _attend(
    ports: Ports, city: City, seed: SeedClass, row: OfflineClass, number: int, pupil: Resident, *, there: bool
) -> None:
    """What became of a pupil and a class that is over, and its points."""
    at = row.starts_at - timedelta(minutes=10) + timedelta(seconds=40 * number)
    stars, comment = seed.said[number] if there and number < len(seed.said) else (None, "")
    attendance = await ClassAttendance.create(
        id=city.id("class attendance", f"{seed.key} {number}"), offline_class=row, member_id=pupil.member_id,
        outcome=AttendanceOutcome.PRESENT if there else AttendanceOutcome.ABSENT,
        recorded_at=at if there else row.ends_at, checked_in_at=at if there else None, stars=stars, comment=comment,
        rated_at=row.ends_at if stars is not None else None,
    )  # fmt: skip
    if there:
        earned = await reward(ports, pupil.member_id, [ClassCheckedIn(pupil.member_id, row.id, at)])
        attendance.awards = [award.message for award in earned.awards]
        await attendance.save(update_fields=["awards"], force_update=True)
