"""Order, splitting and repetition never change what was earned, once pending credit is paid."""

from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kit.db import rows
from kit.words import EventStatus
from services.progress import pay_pending
from services.records import progress_verify
from tests.progress.desk import learner, place, send, station, totals, watched

LESSONS, UNITS, UNIT_SECONDS = 3, 10, 300
DAYS = timedelta(days=3)

# An event: which lesson, which tenths of it, how many quarter hours ago. Three lessons of 50 minutes are more than a
# full budget. Failures are not shrunk: an example is an evening of transactions.
event = st.tuples(
    st.integers(0, LESSONS - 1),
    st.lists(st.tuples(st.integers(0, UNITS), st.integers(0, UNITS)), min_size=1, max_size=3),
    st.integers(0, 4 * 24 * DAYS.days),
)
mostly_whole = st.tuples(st.integers(0, LESSONS - 1), st.just([(0, UNITS)]), st.integers(0, 4 * 24 * DAYS.days))
evening = st.lists(st.one_of(event, mostly_whole), min_size=1, max_size=10)


async def deliver(ports, actor, batches):
    """Send every batch, then whatever was refused again and again while that helps; then wait until all is paid."""
    refused = []
    for wait, batch in batches:
        ports.clock.advance(timedelta(seconds=wait))
        outcome = await send(ports, actor, *batch)
        refused += [one for one, result in zip(batch, outcome.results, strict=True) if result.status == "REJECTED"]
    while refused:
        outcome = await send(ports, actor, *refused)
        left = [
            one for one, result in zip(refused, outcome.results, strict=True) if result.status is EventStatus.REJECTED
        ]
        if len(left) == len(refused):
            break
        refused = left
    for _ in range(3):
        ports.clock.advance(timedelta(hours=1))
        await pay_pending(ports, actor.member_id)
    [left_over] = await rows(
        "SELECT coalesce(sum(pending_seconds), 0) AS seconds FROM learning_events WHERE member_id = $1",
        actor.member_id,
    )
    assert left_over["seconds"] == 0


@given(evening, st.randoms(use_true_random=False), st.data())
@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_order_splitting_and_repetition_never_change_the_totals(ports, world, given_events, random, data):
    course = await world.course(lessons=LESSONS, seconds=UNITS * UNIT_SECONDS)
    old, new = await station(ports, f"A{world.next('place')}"), await station(ports, f"B{world.next('place')}")
    start = ports.clock.now()
    events = [
        watched(
            course.lesson_ids[lesson],
            *((min(a, b) * UNIT_SECONDS, max(a, b) * UNIT_SECONDS) for a, b in spans),
            at=start - timedelta(minutes=15) * ago,
            name=(world.next("event"), number),
        )
        for number, (lesson, spans, ago) in enumerate(given_events)
    ]
    found = []
    for plain in (True, False):
        ports.clock.at = start
        actor = await learner(ports, old)
        await place(actor.member_id, new, start - DAYS / 2)
        if plain:
            batches = [(0, sorted(events, key=lambda one: one.occurred_at))]
        else:
            sent = [*events, *random.sample(events, data.draw(st.integers(0, len(events))))]
            random.shuffle(sent)
            batches = []
            while sent:
                size = random.randint(1, 4)
                batches.append((random.choice([0, 1, 600, 4000]), sent[:size]))
                sent = sent[size:]
        await deliver(ports, actor, batches)
        found.append(await totals(actor.member_id))

    assert await progress_verify() == []
    for what in found[0]:
        assert found[0][what] == found[1][what], what
