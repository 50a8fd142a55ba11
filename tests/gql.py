"""A client for tests: the apps' own operations, by name, over the whole application.

answer = await gql.run("CourseDetail", {"id": course.gid}, by=learner)     # {"data": ..., "errors": ...}
data = await gql.data("CourseDetail", {"id": course.gid}, by=learner)      # the data, after no error at all

async with gql.subscription("MyPoints", by=learner) as events:
    assert (await events.next())["data"]["myPoints"] == ...
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from starlette.applications import Starlette

from kit.ids import new_id
from models.accounts import Member
from models.sessions import Session
from server.app import make_app
from services.ports import Ports
from services.signing import ready_keys
from tests.documents import OPERATIONS
from tests.sockets import TestSocket


class Gql:
    def __init__(self, app: Starlette, http: httpx.AsyncClient, ports: Ports) -> None:
        self.app = app
        self.http = http
        self.ports = ports
        self._sessions: dict[UUID, UUID] = {}

    @classmethod
    @asynccontextmanager
    async def over(cls, ports: Ports) -> AsyncIterator["Gql"]:
        """A client of an application that stands on `ports`."""

        @asynccontextmanager
        async def opened() -> AsyncIterator[Ports]:
            yield ports

        app = make_app(opened)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://academy") as http,
        ):
            yield cls(app, http, ports)

    async def token(self, by: Member | UUID) -> str:
        """A fresh access token of the member, on one session for the whole test."""
        member_id = by if isinstance(by, UUID) else by.id
        now = self.ports.clock.now()
        await ready_keys(self.ports)
        if member_id not in self._sessions:
            session = await Session.create(
                id=new_id(),
                member_id=member_id,
                device_id="test",
                device_name="Test",
                created_at=now,
                last_seen_at=now,
                expires_at=now + timedelta(days=365),
            )
            self._sessions[member_id] = session.id
        token: str = self.ports.tokens.issue(member_id, self._sessions[member_id], now)[0]
        return token

    async def post(
        self, body: object, *, by: Member | UUID | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """POST any JSON to /graphql."""
        sent = {"accept-language": "en", **(headers or {})}
        if by is not None:
            sent["authorization"] = f"Bearer {await self.token(by)}"
        return await self.http.post("/graphql", json=body, headers=sent)

    async def ask(
        self, source: str, variables: Mapping[str, object] | None = None, *, by: Member | UUID | None = None
    ) -> dict[str, Any]:
        """The answer to any document."""
        response = await self.post({"query": source, "variables": variables}, by=by)
        found: dict[str, Any] = response.json()
        found.pop("extensions", None)  # what it cost
        return found

    async def run(
        self, operation: str, variables: Mapping[str, object] | None = None, *, by: Member | UUID | None = None
    ) -> dict[str, Any]:
        """The answer to one of the apps' operations, by its name."""
        return await self.ask(OPERATIONS[operation], variables, by=by)

    async def data(
        self, operation: str, variables: Mapping[str, object] | None = None, *, by: Member | UUID | None = None
    ) -> dict[str, Any]:
        """The data of an operation that met no error."""
        answer = await self.run(operation, variables, by=by)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    @asynccontextmanager
    async def socket(self, by: Member | UUID | None = None) -> AsyncIterator[TestSocket]:
        """An acknowledged WebSocket."""
        async with TestSocket(self.app, {"accept-language": "en"}) as socket:
            await socket.init(await self.token(by) if by is not None else None)
            yield socket

    @asynccontextmanager
    async def subscription(
        self, operation: str, variables: Mapping[str, object] | None = None, *, by: Member | UUID | None = None
    ) -> AsyncIterator[TestSocket]:
        """A socket with one subscription on it, of id "1"."""
        async with self.socket(by) as socket:
            socket.subscribe("1", OPERATIONS[operation], variables)
            yield socket
