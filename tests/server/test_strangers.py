"""A stranger's requests: schemathesis makes up operations for every root field, and none may meet a fault of ours.

`ACADEMY_STRANGER_EXAMPLES=200 make test ARGS=tests/server/test_strangers.py` looks longer; 4 a field and role is what
every run does, always the same ones.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from kit.clock import FrozenClock, SystemClock
from kit.ids import new_id
from kit.words import Role
from models.accounts import Member
from models.sessions import Session
from services.ports import Ports
from services.signing import ready_keys
from tests.process import ROOT, Serving
from tests.world import World

EXAMPLES = int(os.environ.get("ACADEMY_STRANGER_EXAMPLES", "4"))
PATIENCE_SECONDS = 30
NO_LIMITS = {f"ACADEMY_{name}": "1000000000" for name in ("MEMBER_BUDGET", "ADDRESS_BUDGET", "SENDER_REFUSALS")}
"""Otherwise most would hear THROTTLED, which shows nothing."""


@pytest.fixture
async def serving(ports: Ports, clock: FrozenClock, tmp_path: Path) -> AsyncIterator[Serving]:
    """A process that serves the databases of this test, where an hour has passed since everybody joined."""
    clock.at = SystemClock().now() - timedelta(hours=1)
    assert ports.settings.database_url is not None
    assert ports.settings.redis_url is not None
    variables = {"ACADEMY_DATABASE_URL": ports.settings.database_url, "ACADEMY_REDIS_URL": ports.settings.redis_url}
    server = Serving(tmp_path, variables={**variables, **NO_LIMITS}).start()
    yield server
    server.stop()


async def token(ports: Ports, member: Member) -> str:
    """An access token on a session of its own: some of what strangers ask for ends it."""
    await ready_keys(ports)
    now = SystemClock().now()
    session = await Session.create(
        id=new_id(), member_id=member.id, device_id="stranger", device_name="Stranger",
        created_at=now, last_seen_at=now, expires_at=now + timedelta(days=1),
    )  # fmt: skip
    return ports.tokens.issue(member.id, session.id, now)[0]


def ask(http: httpx.Client, operation: object, examples: int) -> list[str]:
    """Send made-up requests for one root field; those that met a fault."""
    faults: list[str] = []

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())  # type: ignore[attr-defined]
    def send(case: schemathesis.Case) -> None:
        answer = http.post("/graphql", json={"query": case.body})
        codes = {error["extensions"]["code"] for error in answer.json().get("errors", ())}
        if answer.status_code >= 500 or "INTERNAL" in codes:
            faults.append(f"{answer.status_code} {answer.text[:500]} {case.body}")

    send()
    return faults


@pytest.mark.parametrize("role", [Role.LEARNER, Role.ADMIN])
async def test_no_made_up_request_meets_a_fault(serving: Serving, ports: Ports, world: World, role: Role) -> None:
    member = await world.learner() if role is Role.LEARNER else await world.staff(role)
    course = await world.course("陈列入门", lessons=2)
    known = [course.gid, *course.lesson_gids]
    schemathesis.graphql.scalar("ID", (st.sampled_from(known) | st.text(max_size=40)).map(nodes.String))
    schema = schemathesis.graphql.from_path(ROOT / "schema.graphql")
    asked, faults = 0, list[str]()

    for found in schema.get_all_operations():
        operation = found.ok()
        if not (operation.definition.is_query or operation.definition.is_mutation):
            continue
        headers = {"authorization": f"Bearer {await token(ports, member)}", "accept": "application/json"}
        with httpx.Client(base_url=serving.address, headers=headers, timeout=PATIENCE_SECONDS) as http:
            faults += await asyncio.to_thread(ask, http, operation, EXAMPLES)
        asked += 1

    assert asked > 30
    assert faults == []
