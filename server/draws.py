"""GET /draws/<id>/entrants.txt: the list of entrants, for anybody, once the sale is over."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.draws import published_entrants


async def entrants(request: Request) -> Response:
    draw_id: UUID = request.path_params["draw_id"]
    text = await published_entrants(draw_id)
    if text is None:
        return Response(status_code=404)
    # Fixed for ever from the first time it is shown.
    return PlainTextResponse(text, headers={"cache-control": "public, max-age=31536000, immutable"})
