"""nginx with the rtmp module, as in deploy/live/nginx-rtmp.conf.

What a publisher writes behind the name (`?key=...`) stands unescaped at the end of a hook's body, so of each field
only the first is believed: nginx writes its own before it. A connection is told from another by nginx's `clientid`:
nginx lets a second publisher with a good key ask, refuses them itself, and says publish_done for the same name.
"""

import re
from urllib.parse import parse_qsl

from providers.live.base import Heard, Hook, HookAnswer, LiveUnavailable, Status, StreamEvent
from providers.live.media_server import APP, MediaServer
from providers.live.signing import known

_CALLS = {"publish": StreamEvent.ASKED, "publish_done": StreamEvent.UNPUBLISHED}
_MOST_FIELDS = 40
_STREAM = re.compile(r"<stream>\s*<name>([a-z0-9]+)</name>(.*?)</stream>", re.DOTALL)
_CLIENT = re.compile(r"<client>(.*?)</client>", re.DOTALL)
_ID = re.compile(r"<id>([0-9]+)</id>")


class NginxRtmpLive(MediaServer):
    def parse_event(self, hook: Hook) -> Heard:
        told: dict[str, str] = {}
        for name, value in parse_qsl(hook.body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS):
            told.setdefault(name, value)
        if told.get("app") != APP:
            return Heard(StreamEvent.OTHER, yes=HookAnswer(403))
        return Heard(
            _CALLS.get(told.get("call", ""), StreamEvent.OTHER),
            told.get("name", ""),
            told.get("clientid"),
            told.get("key", ""),
            told.get("addr", ""),
        )

    async def stop(self, name: str) -> None:
        """Dropped here; that nobody may publish again is what the hook says from now on."""
        answer = await self.ask("GET", f"/control/drop/publisher?app={APP}&name={known(name)}")
        if answer.status not in (200, 204, 404):
            raise LiveUnavailable(f"control said {answer.status}")

    async def status(self, name: str) -> Status:
        pieces = self.pieces(name)
        try:
            answer = await self.ask("GET", "/stat")
        except LiveUnavailable:
            return Status(None, pieces=pieces)
        if answer.status != 200 or b"<rtmp>" not in answer.body:
            return Status(None, pieces=pieces)
        for found, inside in _STREAM.findall(answer.body.decode(errors="replace")):
            for client in _CLIENT.findall(inside) if found == name else ():
                if "<publishing/>" in client:
                    number = _ID.search(client)
                    return Status(True, number[1] if number else None, pieces)
        return Status(False, pieces=pieces)
