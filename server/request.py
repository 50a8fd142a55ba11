"""A GraphQL request as it arrives: its body, its language, its size. Everything malformed ends here, with 4xx."""

from dataclasses import dataclass, replace
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request

from kit.errors import bad_input
from kit.settings import Settings
from kit.words import Language
from server.bodies import MOST_BYTES, Malformed, read_body, too_large
from server.forwarded import client_address
from server.trusted import Trusted


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    source: str
    variables: dict[str, Any] | None
    operation_name: str | None
    by_id: bool = False
    """The client named a trusted document and sent no text; `source` is what the name stands for."""
    size_bytes: int = 0
    """Of its body."""


async def read_request(request: Request, trusted: Trusted) -> GraphQLRequest:
    """The request in a GET's query string or a POST's body; `Malformed` if there is none."""
    if request.method == "GET":
        return _from_query(request, trusted)
    content_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if content_type.strip().lower() != "application/json":
        raise Malformed(415, bad_input())
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if charset.startswith("charset=") and charset not in ("charset=utf-8", "charset=utf8"):
        raise Malformed(415, bad_input())
    body = await read_body(request)
    return replace(request_of(_json(body), trusted), size_bytes=len(body))


def request_of(message: object, trusted: Trusted) -> GraphQLRequest:
    """The request in a JSON message, shared by HTTP bodies and WebSocket payloads.

    PERSISTED_QUERY_NOT_FOUND if it names a document by an id that stands for none.
    """
    if not isinstance(message, dict):
        raise Malformed(400, bad_input())
    source, variables = message.get("query"), message.get("variables")
    name, extensions = message.get("operationName"), message.get("extensions")
    if variables is not None and not isinstance(variables, dict):
        raise Malformed(400, bad_input("variables"))
    if name is not None and not isinstance(name, str):
        raise Malformed(400, bad_input("operationName"))
    if extensions is not None and not isinstance(extensions, dict):
        raise Malformed(400, bad_input("extensions"))
    if source is not None and (not isinstance(source, str) or not source):
        raise Malformed(400, bad_input("query"))
    if source is not None:
        return GraphQLRequest(source, variables, name or None)
    document_id = _document_id(message.get("documentId"), extensions or {})
    return GraphQLRequest(trusted.text_of(document_id), variables, name or None, by_id=True)


def language_of(headers: Headers) -> Language:
    """The better liked of our languages in Accept-Language; Chinese when it names neither."""
    best, liking = Language.CHINESE, 0.0
    for choice in headers.get("accept-language", "")[:200].split(","):
        tag, _, quality = choice.strip().lower().partition(";q=")
        try:
            wish = float(quality) if quality else 1.0
        except ValueError:
            continue
        language = {"zh": Language.CHINESE, "en": Language.ENGLISH}.get(tag.partition("-")[0])
        if language is not None and wish > liking:
            best, liking = language, wish
    return best


def address_of(connection: HTTPConnection) -> str:
    """The client's network address, as far as our own proxies vouch for it."""
    settings: Settings = connection.app.state.ports.settings
    peer = connection.client.host if connection.client is not None else None
    return client_address(peer, connection.headers.getlist("x-forwarded-for"), settings.trusted_proxies or ())


def _json(body: bytes | str) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(400, bad_input()) from error


def _document_id(document_id: object, extensions: dict[str, Any]) -> str:
    """The id by which a client names its document: `documentId` as Relay's clients and the draft of GraphQL-over-HTTP
    have it, or `extensions.persistedQuery` as Apollo's and urql's clients do."""
    if document_id is not None:
        if not isinstance(document_id, str) or not document_id:
            raise Malformed(400, bad_input("documentId"))
        return document_id.removeprefix("sha256:")
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        raise Malformed(400, bad_input("query"))
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise Malformed(400, bad_input("extensions", "persistedQuery"))
    document_hash = persisted.get("sha256Hash")
    if not isinstance(document_hash, str) or not document_hash:
        raise Malformed(400, bad_input("extensions", "persistedQuery", "sha256Hash"))
    return document_hash


def _from_query(request: Request, trusted: Trusted) -> GraphQLRequest:
    parameters = request.query_params
    if len(request.url.query) > MOST_BYTES:
        raise too_large()
    message: dict[str, object] = {name: parameters.get(name) for name in ("query", "operationName", "documentId")}
    for name in ("variables", "extensions"):
        if text := parameters.get(name):
            message[name] = _json(text)
    return request_of(message, trusted)
