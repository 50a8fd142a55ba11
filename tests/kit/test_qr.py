from xml.etree import ElementTree

import segno

from kit.qr import qr_svg

TEXT = "GAC1." + "x" * 48


def test_the_picture_is_svg_with_a_square_for_every_module_and_a_quiet_zone() -> None:
    svg = qr_svg(TEXT)

    root = ElementTree.fromstring(svg)
    modules = segno.make_qr(TEXT, error="m").symbol_size(scale=8, border=4)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert (root.get("width"), root.get("height")) == tuple(str(each) for each in modules)


def test_another_text_is_another_picture_and_the_same_text_the_same() -> None:
    assert qr_svg(TEXT) == qr_svg(TEXT)
    assert qr_svg(TEXT) != qr_svg(TEXT[:-1] + "y")
