"""QR codes."""

from io import BytesIO

import segno


def qr_svg(text: str) -> str:
    """`text` as an SVG picture, black on white with its quiet zone; a seventh of it may be dirt or glare."""
    picture = BytesIO()
    code = segno.make_qr(text, error="m")
    code.save(picture, kind="svg", scale=8, light="white", xmldecl=False, nl=False)
    return picture.getvalue().decode()
