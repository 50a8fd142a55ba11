"""MediaMTX, as in deploy/live/mediamtx.yml: it asks by its HTTP authentication, and tells by two commands (curl)."""

from urllib.parse import parse_qs

import orjson

from providers.live.base import Heard, Hook, LiveUnavailable, Status, StreamEvent
from providers.live.media_server import APP, MediaServer
from providers.live.signing import known

_TOLD = {"ready": StreamEvent.PUBLISHED, "not_ready": StreamEvent.UNPUBLISHED}


class MediaMtxLive(MediaServer):
    def parse_event(self, hook: Hook) -> Heard:
        if "json" not in hook.headers.get("content-type", ""):
            told = {name: values[0] for name, values in parse_qs(hook.body.decode(), max_num_fields=8).items()}
            event = _TOLD.get(told.get("event", ""), StreamEvent.OTHER)
            return Heard(event, _name(told.get("path", "")), told.get("id") or None)
        told = orjson.loads(hook.body)
        if not isinstance(told, dict):
            raise ValueError("not an object")
        action, path = str(told.get("action", "")), str(told.get("path", ""))
        if action == "publish" and str(told.get("protocol", "")).startswith("rtmp"):
            query = parse_qs(str(told.get("query", "")), max_num_fields=8)
            client, address = str(told.get("id", "")) or None, str(told.get("ip", ""))
            return Heard(StreamEvent.ASKED, _name(path), client, query.get("key", [""])[0], address)
        # Whoever plays comes through nginx in front, which has looked at the signature; so only it may reach MediaMTX.
        reads = action == "read" and str(told.get("protocol")) == "hls" and _name(path) != ""
        return Heard(StreamEvent.OTHER) if reads else Heard(StreamEvent.ASKED)

    async def stop(self, name: str) -> None:
        """Dropped here; that nobody may publish again is what the authentication says from now on."""
        client = await self._publisher(known(name))
        if client is None:
            return
        answer = await self.ask("POST", f"/v3/rtmpconns/kick/{client}")
        if answer.status not in (200, 404):
            raise LiveUnavailable(f"the API said {answer.status}")

    async def status(self, name: str) -> Status:
        pieces = self.pieces(name)
        try:
            client = await self._publisher(known(name))
        except LiveUnavailable:
            return Status(None, pieces=pieces)
        return Status(client is not None, client, pieces)

    async def _publisher(self, name: str) -> str | None:
        """The id of the connection that publishes, None if none does."""
        answer = await self.ask("GET", f"/v3/paths/get/{APP}/{name}")
        if answer.status == 404:
            return None
        try:
            path = orjson.loads(answer.body)
            if not path["ready"] or path["source"] is None:
                return None
            client = str(path["source"]["id"])
        except (ValueError, KeyError, TypeError) as error:
            raise LiveUnavailable("the API's answer cannot be read") from error
        return client if client.replace("-", "").isalnum() else None


def _name(path: str) -> str:
    app, _, name = path.partition("/")
    return name if app == APP else ""
