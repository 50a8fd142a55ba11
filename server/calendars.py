"""GET /calendar/<token>.ics: what a member has a seat in, for calendar apps. The token is all they have, so it is never
logged, and who guesses at tokens is soon out of breath."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from kit.buckets import Bucket
from server.admission import network_of
from server.request import address_of
from services.calendars import REFRESH, shown_calendar
from services.ports import Ports

MOST_AT_ONCE, PER_SECOND = 300, 5.0
"""For all behind one network address: apps ask every quarter of an hour, and a carrier puts thousands behind one."""
GUESS = 20
"""What a token costs that is nobody's; a good one costs one."""
GONE = (
    "这个日历地址已失效，请在成长学院里重新获取。\n"
    "This calendar address is no longer good. Please get a new one in the app.\n"
)


async def calendar(request: Request) -> Response:
    ports: Ports = request.app.state.ports
    bucket = Bucket(f"calendar:{network_of(address_of(request))}", MOST_AT_ONCE, PER_SECOND)
    taken = await ports.buckets.take([bucket], 1, ports.clock.now())
    if taken.wait_seconds is not None:
        return PlainTextResponse("Too many requests.\n", 429, {"retry-after": str(taken.wait_seconds)})
    shown = await shown_calendar(ports, request.path_params["token"])
    if shown is None:
        await ports.buckets.take([bucket], GUESS - 1, ports.clock.now())
        return PlainTextResponse(GONE, 404)
    headers = {
        "cache-control": f"private, max-age={int(REFRESH.total_seconds())}",
        "content-disposition": 'inline; filename="growth-academy.ics"',
        "etag": shown.etag,
    }
    if shown.etag in [each.strip() for each in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(shown.content, headers=headers, media_type="text/calendar; charset=utf-8")
