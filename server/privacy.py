"""GET /consents/<purpose>/<version>/<language>: what members are asked to agree to, each version at its own address.
GET /exports/<id>: everything kept on a member, for whoever holds the signed address, for a day.
"""

from html import escape
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from kit.errors import DomainError, ErrorCode
from services.ports import Ports
from services.privacy import consent_text
from services.privacy_export import signed_export

STATUS = {ErrorCode.FORBIDDEN: 403, ErrorCode.NOT_FOUND: 404}

PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ max-width: 40em; margin: 2em auto; padding: 0 1em; font: 1em/1.7 sans-serif }}</style>
</head><body><h1>{title}</h1>{paragraphs}</body></html>
"""
HEADERS = {
    "cache-control": "public, max-age=86400",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
}


async def consent_page(request: Request) -> Response:
    """A published text never changes, so anybody may keep it."""
    parts = request.path_params
    text = consent_text(parts["purpose"], parts["version"], parts["language"])
    if text is None:
        return Response(status_code=404)
    title, *paragraphs = (escape(line) for line in text)
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return HTMLResponse(PAGE.format(language=parts["language"], title=title, paragraphs=body), headers=HEADERS)


async def export_file(request: Request) -> Response:
    """Nothing on the way may keep it: it is about one person."""
    ports: Ports = request.app.state.ports
    query = request.query_params
    try:
        named = UUID(request.path_params["export_id"]), int(query.get("until", "")[:12]), query.get("signature", "")
        export = await signed_export(ports, *named)
    except ValueError:
        return Response(status_code=403)
    except DomainError as error:
        return Response(status_code=STATUS[error.code])
    assert export.size_bytes is not None
    if not await ports.storage.holds(export.storage_key, export.size_bytes):
        return Response(status_code=404)
    headers = {
        "cache-control": "no-store",
        "content-disposition": 'attachment; filename="growth-academy-data.zip"',
        "content-length": str(export.size_bytes),
        "x-content-type-options": "nosniff",
    }
    body = ports.storage.read(export.storage_key, 0, export.size_bytes)
    return StreamingResponse(body, headers=headers, media_type="application/zip")
