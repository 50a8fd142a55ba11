"""GraphQL over HTTP, as the GraphQL-over-HTTP draft has it.

A body that is no GraphQL request is 4xx. Everything else is 200 in `application/json`, errors or not, as older clients
expect; a client that accepts `application/graphql-response+json` gets 4xx and 5xx for operations that did not run. A
subscription is for clients that accept `text/event-stream`; before it starts, it is answered like everything else.

Nobody may keep an answer, but for one kind: to a GET that names a trusted query by its id and carries no token. Whoever
asks that hears the same, so it has a tag, and a client that has it already is answered 304.
"""

import hashlib
from collections.abc import Mapping
from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp
from strawberry.types.graphql import OperationType

from kit.errors import DomainError, ErrorCode, bad_input
from resolvers.node import find
from schema.context import Context
from server.admission import Gate, charge_for, sender_of
from server.answers import Answer, Caller, answer, code_of, refusal, retry_after, unexpected
from server.api import schema
from server.bodies import Malformed, announced_bytes
from server.documents import Operation, Refused
from server.events import EVENTS, EventStream
from server.identity import actor_behind, identify, is_open, pay_what_is_due
from server.request import GraphQLRequest, address_of, language_of, read_request
from server.rooms import Rooms, room_ask
from server.trusted import refuse_untrusted
from services.ports import Ports

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
STATUS = {ErrorCode.UNAUTHENTICATED: 401, ErrorCode.THROTTLED: 429, ErrorCode.UNAVAILABLE: 503, ErrorCode.INTERNAL: 500}
PUBLIC = {"cache-control": "public, max-age=60", "vary": "Accept, Accept-Language, Authorization"}

OVER_HTTP = (OperationType.QUERY, OperationType.MUTATION)


async def graphql(request: Request) -> ASGIApp:
    """The endpoint for GET and POST."""
    ports: Ports = request.app.state.ports
    caller = Caller(language_of(request.headers), request.state.request_id, address_of(request))
    accept = request.headers.get("accept", "")
    if request.method == "GET" and not request.url.query and "text/html" in accept and ports.settings.graphiql:
        return RedirectResponse("/graphiql")  # somebody typed the address into a browser
    preferred, takes_events = preferred_media(accept), EVENTS in accept.lower()
    if preferred is None and not takes_events:
        return _response(406, JSON, refusal(bad_input("accept"), caller))
    media = preferred or GRAPHQL
    try:
        found = await _answered(request, ports, caller, takes_events=takes_events, takes_json=preferred is not None)
        if isinstance(found, EventStream):
            return found
    except Malformed as malformed:
        return _response(malformed.status, media, refusal(malformed.error, caller), malformed.headers)
    except DomainError as error:
        found = refusal(error, caller)
    except Exception as error:  # the last place where a fault can still be answered
        found = refusal(unexpected(error, caller), caller)
    ran = "data" in found
    if getattr(request.state, "public", False) and "errors" not in found:
        return _kept(media, found, request.headers.get("if-none-match", ""))
    status = 200 if ran or media == JSON else STATUS.get(code_of(found), 400)
    return _response(status, media, found, {} if ran else _waiting(found))


async def _answered(
    request: Request, ports: Ports, caller: Caller, *, takes_events: bool, takes_json: bool
) -> Answer | EventStream:
    gate: Gate = request.app.state.gate
    authorization = request.headers.get("authorization")
    sender = await sender_of(ports, authorization, caller.address)
    with gate.blaming(sender):
        await gate.hear(sender, announced_bytes(request))
        asked = await read_request(request, gate.trusted)
    if ports.settings.trusted_documents_only and not gate.trusted.holds(asked.source):
        refuse_untrusted(await identify(ports, authorization, caller.address))
    try:
        admitted = await gate.admit(ports, asked, sender)
    except Refused as refused:
        return answer(None, refused.errors, caller)
    operation = admitted.operation
    request.state.operation = operation.name or operation.kind
    streamed = takes_events and operation.kind == "subscription"
    if not streamed:
        _refuse_by_method(request.method, operation)
        if not takes_json:
            raise Malformed(406, bad_input("accept"))
    request.state.public = request.method == "GET" and asked.by_id and authorization is None
    identity = None if is_open(operation) else await identify(ports, authorization, caller.address)
    with gate.blaming(sender):
        charge = await charge_for(ports, asked, admitted, identity, caller.address)
    await pay_what_is_due(ports, operation, identity)
    actor = identity.actor if identity else None
    ask_again = partial(actor_behind, ports, authorization, caller.address)
    context = Context(ports, actor, caller.language, caller.request_id, caller.address, ask_again=ask_again, find=find)
    if streamed:
        rooms: Rooms = request.app.state.sockets.rooms
        ask = room_ask(asked, admitted, caller.language)
        frames = rooms.frames(actor, ask) if actor is not None and ask is not None else None
        return EventStream(asked, context, identity, caller, charge, request.app.state.places, frames)
    found = await execute(asked, context, caller)
    return found if request.state.public else charge.shown_in(found)  # what others may keep says nothing of one caller


async def execute(asked: GraphQLRequest, context: Context, caller: Caller) -> Answer:
    result = await schema.execute(
        asked.source,
        variable_values=asked.variables,
        context_value=context,
        operation_name=asked.operation_name,
        allowed_operation_types=OVER_HTTP,
    )
    return answer(result.data, result.errors, caller)


def preferred_media(accept: str) -> str | None:
    """The media type to answer with; None if the client accepts neither. Plain JSON unless the other is named."""
    if not accept.strip():
        return JSON
    wishes: dict[str, float] = {}
    for choice in accept[:500].split(","):
        name, *parameters = (part.strip().lower() for part in choice.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        wishes[name] = float(quality) if quality.replace(".", "", 1).isdigit() else 0.0
    anything = wishes.get("application/*", wishes.get("*/*", 0.0))
    plain = wishes.get(JSON, anything)
    newer = wishes.get(GRAPHQL, 0.0)
    if newer > 0 and newer >= plain:
        return GRAPHQL
    return JSON if plain > 0 else None


def _refuse_by_method(method: str, operation: Operation) -> None:
    if operation.kind == "subscription":
        raise Malformed(400, bad_input("query"))
    if method == "GET" and operation.kind != "query":
        raise Malformed(405, bad_input("query"), {"allow": "POST"})


def _waiting(found: Answer) -> dict[str, str]:
    """When to come back, for those who do not read the answer."""
    seconds = retry_after(found)
    return {"retry-after": str(seconds)} if seconds is not None else {}


def _response(status: int, media: str, found: Answer, headers: Mapping[str, str] | None = None) -> Response:
    body = orjson.dumps(found)
    return Response(body, status, {"content-type": f"{media}; charset=utf-8", **(headers or {})})


def _kept(media: str, found: Answer, known: str) -> Response:
    """An answer that others may keep, or 304 to a client whose If-None-Match (`known`) names it.

    The tag is weak: it is of what the answer says, and stays the same however the answer is compressed.
    """
    body = orjson.dumps(found)
    tag = f'W/"{hashlib.sha256(media.encode() + body).hexdigest()[:32]}"'
    headers = {**PUBLIC, "etag": tag}
    if known.strip() == "*" or tag.removeprefix("W/") in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, {"content-type": f"{media}; charset=utf-8", **headers})
