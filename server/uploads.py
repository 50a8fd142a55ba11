"""PUT /uploads/<id>: the bytes of a promised upload, to a signed address. The size is watched while they come."""

from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from kit.errors import DomainError, ErrorCode
from services.ports import Ports
from services.uploads import Place, begin_receiving, receive

STATUS = {
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.ALREADY_DONE: 409,
    ErrorCode.UPLOAD_INVALID: 413,
    ErrorCode.LIMIT_REACHED: 429,
    ErrorCode.UNAVAILABLE: 503,
}


async def upload(request: Request) -> Response:
    """204 once the bytes are kept. 411 without a length, 413 for another length than was promised, 415 for a type."""
    ports: Ports = request.app.state.ports
    try:
        place = await begin_receiving(ports, _upload_id(request), request.query_params.get("signature", ""))
        if refused := _refused(request, place):
            return Response(status_code=refused)
        await receive(ports, place, request.stream())
    except ClientDisconnect:
        return Response(status_code=400)
    except DomainError as error:
        return Response(status_code=STATUS[error.code])
    return Response(status_code=204)


def _upload_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["upload_id"])
    except ValueError as error:
        raise DomainError(ErrorCode.FORBIDDEN) from error


def _refused(request: Request, place: Place) -> int | None:
    """The status for headers that do not go with the promise; nothing is read then."""
    headers, wanted = request.headers, place.upload
    length = headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        return 411
    if length.lstrip("0") != str(wanted.size_bytes):
        return 413
    encoded = headers.get("content-encoding", "identity").lower() != "identity"
    return 415 if encoded or headers.get("content-type", "").lower() != wanted.content_type else None
