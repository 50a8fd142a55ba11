"""/hooks/live: what media servers and vendors ask and tell of streams. Who calls is for their provider to judge."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from kit.errors import DomainError, ErrorCode
from providers.live.base import Hook
from services.live_feeds import hear
from services.ports import Ports

MOST_BYTES = 64 * 1024


async def live_hook(request: Request) -> Response:
    """As the provider wants to be answered; 413 for a body that no media server sends, 503 to be asked again."""
    ports: Ports = request.app.state.ports
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                return Response(status_code=413)
    except ClientDisconnect:
        return Response(status_code=400)
    hook = Hook(
        method=request.method,
        token=request.path_params.get("token", ""),
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=bytes(body),
        received_at=ports.clock.now(),
    )
    try:
        answer = await hear(ports, hook)
    except DomainError as error:
        return Response(status_code=503 if error.code is ErrorCode.UNAVAILABLE else 403)
    return Response(answer.body, answer.status, media_type=answer.content_type)
