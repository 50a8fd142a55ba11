"""GET /consents/<purpose>/<version>/<language>: what members are asked to agree to, each version at its own address.
GET /exports/<id>: everything kept on a member, or a file of staff, for whoever holds the signed address in its time.
"""

from dataclasses import dataclass
from html import escape
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from kit.clock import day_of
from kit.errors import DomainError, ErrorCode
from kit.words import ReportFormat
from services.exported_files import require_signed
from services.ports import Ports
from services.privacy import consent_text
from services.privacy_export import signed_data_export
from services.reports import signed_report

MEDIA_TYPES = {
    ReportFormat.CSV: "text/csv; charset=utf-8",
    ReportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
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


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be fetched."""

    storage_key: str
    size_bytes: int
    name: str
    media_type: str


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
    """Nothing on the way may keep it: it is about people."""
    ports: Ports = request.app.state.ports
    query = request.query_params
    try:
        file_id, until = UUID(request.path_params["export_id"]), int(query.get("until", "")[:12])
        require_signed(ports, file_id, until, query.get("signature", ""))
    except ValueError:
        return Response(status_code=403)
    except DomainError as error:
        return Response(status_code=STATUS[error.code])
    found = await _export(ports, file_id)
    if found is None or not await ports.storage.holds(found.storage_key, found.size_bytes):
        return Response(status_code=404)
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{found.name}"',
        "content-length": str(found.size_bytes),
        "x-content-type-options": "nosniff",
    }
    body = ports.storage.read(found.storage_key, 0, found.size_bytes)
    return StreamingResponse(body, headers=headers, media_type=found.media_type)


async def _export(ports: Ports, file_id: UUID) -> Found | None:
    own = await signed_data_export(ports, file_id)
    if own is not None:
        return Found(own.storage_key, own.size_bytes or 0, "growth-academy-data.zip", "application/zip")
    report = await signed_report(ports, file_id)
    if report is None:
        return None
    name = f"{report.kind.value.lower()}-{day_of(report.requested_at)}.{report.format.value.lower()}"
    return Found(report.storage_key, report.size_bytes or 0, name, MEDIA_TYPES[report.format])
