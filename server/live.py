"""GET and HEAD /live/<token>/<stream>/<file>: playlist and segments of the embedded ingest, under the signature in the
path. The address names a playlist or a numbered segment, and nothing else ever becomes a path."""

import os
import stat

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from providers.live.embedded import streams_root
from providers.live.ingest import STOPPED
from providers.live.recorder import PLAYLIST, SEGMENT
from providers.live.signing import is_good
from services.ports import Ports

OPEN_TO_ALL = {"access-control-allow-origin": "*", "x-content-type-options": "nosniff"}
"""Whoever has the address may play it, from whatever page: the players of web views ask from another origin."""
END = "#EXT-X-ENDLIST"


async def live_file(request: Request) -> Response:
    """404 for what is not there, or not yet; 403 for an address that was not signed, or is over."""
    ports: Ports = request.app.state.ports
    token, name, file = (request.path_params[each] for each in ("token", "name", "file"))
    if not is_good(ports.settings.key("live"), token, name, ports.clock.now()):
        return Response(status_code=403, headers=OPEN_TO_ALL)
    directory = streams_root(ports.settings) / name
    path = directory / file
    if file == PLAYLIST:
        try:
            text = path.read_text()
        except OSError:
            return Response(status_code=404, headers=OPEN_TO_ALL)
        if (directory / STOPPED).exists() and END not in text:
            text += f"{END}\n"
        headers = {**OPEN_TO_ALL, "cache-control": "no-cache"}
        return Response(text, headers=headers, media_type="application/vnd.apple.mpegurl")
    if not SEGMENT.fullmatch(file):
        return Response(status_code=404, headers=OPEN_TO_ALL)
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return Response(status_code=404, headers=OPEN_TO_ALL)
    if not stat.S_ISREG(found.st_mode):
        return Response(status_code=404, headers=OPEN_TO_ALL)
    headers = {**OPEN_TO_ALL, "cache-control": "public, max-age=600, immutable"}
    return FileResponse(path, headers=headers, media_type="video/mp2t", stat_result=found)
