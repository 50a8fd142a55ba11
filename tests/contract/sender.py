"""Who sends the apps' operations, and remembers which were sent."""

from typing import Any

from models.accounts import Member
from tests.gql import Gql


class Phone:
    """Sends the apps' operations as one member, and remembers which were sent."""

    def __init__(self, gql: Gql, owner: Member | None, sent: set[str]) -> None:
        self.gql = gql
        self.owner = owner
        self.sent = sent

    async def ask(self, operation: str, **variables: object) -> Any:
        """The data of a query without any error."""
        self.sent.add(operation)
        return await self.gql.data(operation, variables, by=self.owner)

    async def do(self, operation: str, **fields: object) -> Any:
        """The payload of a mutation without any userError."""
        [payload] = (await self.ask(operation, input=fields)).values()
        assert payload["userErrors"] == [], payload
        return payload

    async def first(self, subscription: str, **variables: object) -> Any:
        """The state that a subscription begins with."""
        self.sent.add(subscription)
        async with self.gql.subscription(subscription, variables, by=self.owner) as events:
            answer = await events.next()
            assert "errors" not in answer, answer
            return answer["data"]
