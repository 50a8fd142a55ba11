"""GET /consents/<purpose>/<version>/<language>: what members are asked to agree to, each version at its own address."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.privacy import consent_text

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
