"""Covers for the demo's courses: drawn, one picture a course, in the colours and with the sign of its module."""

from html import escape

WIDTH, HEIGHT = 640, 360
CHARACTERS_A_LINE = 11
FONTS = "'PingFang SC','Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','Heiti SC',sans-serif"
KEEPS_TOGETHER = "，。：、？！,:?!”》"

# Module -> (light, deep, sign). A sign is drawn with a round pen in a field of 48 x 48.
LOOKS: dict[str, tuple[str, str, str]] = {
    "marketing": ("#FF9A5A", "#D6455D", "M8 20v8h7l17 9V11L15 20zM38 18a9 9 0 0 1 0 12M17 29l3 10h5l-3-8"),
    "logistics": (
        "#5AA7E8",
        "#2C5AA8",
        "M4 13h24v21H4zM28 20h9l7 7v7H28zM11 38a4 4 0 1 0 .1 0M36 38a4 4 0 1 0 .1 0",
    ),
    "law": ("#7C8CE0", "#454C9E", "M13 6h17l7 7v29H13zM30 6v7h7M19 21h12M19 27h7M21 35l3 3 7-7"),
    "ordering": ("#35BFA4", "#0E7C86", "M5 9h6l5 22h20l5-16H13M19 39a2 2 0 1 0 .1 0M33 39a2 2 0 1 0 .1 0"),
    "display": ("#F6B84B", "#D9762B", "M7 8h34v33H7zM7 19h34M7 30h34M13 12v7M19 13v6M29 23h6v7M14 34h5v7M25 34h8v7"),
    "customers": ("#F08AA6", "#B84A7E", "M24 40C9 30 6 23 8 16s12-8 16 1c4-9 14-8 16-1s-1 14-16 24z"),
    "digital": ("#6BB8D9", "#37699C", "M8 14V8h6M34 8h6v6M40 34v6h-6M14 40H8v-6M15 16v16M20 16v16M26 16v16M33 16v16"),
    "safety": ("#6CC08B", "#2B7D5C", "M24 5l16 6v12c0 11-7 17-16 20C15 40 8 34 8 23V11zM17 24l5 5 9-10"),
}


def cover(module: str, module_name: str, title: str, number: int) -> str:
    """An SVG of 640 x 360. `number` varies the circles behind the title, so that neighbours differ."""
    light, deep, sign = LOOKS[module]
    lines = lines_of(title)
    size = 46 if max(len(line) for line in lines) <= 9 else 40
    top = 214 - (len(lines) - 1) * size * 0.62
    spans = "".join(
        f'<tspan x="48" y="{top + place * size * 1.3:.0f}">{escape(line)}</tspan>' for place, line in enumerate(lines)
    )
    across, down = 430 + number * 37 % 150, 40 + number * 53 % 110
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">
<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="{light}"/>\
<stop offset="1" stop-color="{deep}"/></linearGradient></defs>
<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#g)"/>
<g fill="#fff"><circle cx="{across}" cy="{down}" r="150" opacity=".08"/>\
<circle cx="{across + 70}" cy="{down + 190}" r="96" opacity=".07"/></g>
<g transform="translate(484 40) scale(2.5)" fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round" \
stroke-linejoin="round" opacity=".42"><path d="{sign}"/></g>
<g font-family="{FONTS}" fill="#fff">
<text x="48" y="74" font-size="22" opacity=".85">{escape(module_name)}</text>
<rect x="48" y="92" width="36" height="4" rx="2" opacity=".85"/>
<text font-size="{size}" font-weight="700">{spans}</text>
<text x="48" y="324" font-size="18" opacity=".7">成长学院</text>
</g>
</svg>
"""


def lines_of(title: str) -> list[str]:
    """A title in one line, or in two or three about as long; broken behind a mark where one stands near."""
    if len(title) <= CHARACTERS_A_LINE:
        return [title]
    count = -(-len(title) // CHARACTERS_A_LINE)
    wished = -(-len(title) // count)
    near = [at for at in range(wished - 3, min(wished + 3, CHARACTERS_A_LINE + 1)) if title[at - 1] in KEEPS_TOGETHER]
    at = min(near, key=lambda each: abs(each - wished), default=wished)
    at += title[at : at + 1] in KEEPS_TOGETHER  # a mark never begins a line
    return [title[:at].rstrip("，："), *lines_of(title[at:])]
