"""SRS 5 or later, as in deploy/live/srs.conf."""

from urllib.parse import parse_qs

import orjson

from providers.live.base import Heard, Hook, HookAnswer, LiveUnavailable, Status, StreamEvent
from providers.live.media_server import APP, MediaServer
from providers.live.signing import known

_ACTIONS = {"on_publish": StreamEvent.ASKED, "on_unpublish": StreamEvent.UNPUBLISHED}
YES = HookAnswer(200, b'{"code":0}', "application/json")
NO = HookAnswer(200, b'{"code":1}', "application/json")
"""SRS reads the code in the body, and takes any other status than 200 for a fault of ours, which is a no as well."""


class SrsLive(MediaServer):
    def parse_event(self, hook: Hook) -> Heard:
        told = orjson.loads(hook.body)
        if not isinstance(told, dict):
            raise ValueError("not an object")
        if told.get("app") != APP:
            return Heard(StreamEvent.OTHER, yes=NO)
        query = parse_qs(str(told.get("param", "")).removeprefix("?"), max_num_fields=8)
        return Heard(
            _ACTIONS.get(str(told.get("action")), StreamEvent.OTHER),
            str(told.get("stream", "")),
            str(told["client_id"]) if "client_id" in told else None,
            query.get("key", [""])[0],
            str(told.get("ip", "")),
            yes=YES,
            no=NO,
        )

    async def stop(self, name: str) -> None:
        """Dropped here; that nobody may publish again is what the hook says from now on."""
        client = await self._publisher(known(name))
        if client is None:
            return
        answer = await self.ask("DELETE", f"/api/v1/clients/{client}")
        if answer.status not in (200, 404):
            raise LiveUnavailable(f"the API said {answer.status}")

    async def status(self, name: str) -> Status:
        pieces = self.pieces(name)
        try:
            client = await self._publisher(name)
        except LiveUnavailable:
            return Status(None, pieces=pieces)
        return Status(client is not None, client, pieces)

    async def _publisher(self, name: str) -> str | None:
        """The id of the connection that publishes, None if none does."""
        answer = await self.ask("GET", "/api/v1/streams/?start=0&count=1000")
        try:
            streams = orjson.loads(answer.body)["streams"]
            for stream in streams:
                if stream["app"] == APP and stream["name"] == name and stream["publish"]["active"]:
                    client = str(stream["publish"]["cid"])
                    if client.replace("-", "").isalnum():
                        return client
        except (ValueError, KeyError, TypeError) as error:
            raise LiveUnavailable("the API's answer cannot be read") from error
        return None
