"""What points are good for in the demo: rewards with pictures, prizes of draws, and the prizes of a season."""

from dataclasses import dataclass
from html import escape

from seeds.covers import FONTS

SIDE = 480


@dataclass(frozen=True, slots=True)
class SeedReward:
    """`sign` is drawn with a round pen in a field of 48 x 48, in the colours `light` to `deep`."""

    key: str
    title: str
    description: str
    cost: int
    stock: int
    per_member_limit: int | None
    light: str
    deep: str
    sign: str


REWARDS = (
    SeedReward(
        "bag", "帆布购物袋", "结实耐用，印有成长学院标志。", 60, 300, 3,
        "#35BFA4", "#0E7C86", "M12 16h24l3 26H9zM18 16v-4a6 6 0 0 1 12 0v4",
    ),
    SeedReward(
        "labels", "价签套装", "100张可擦写价签，附一支笔。", 100, 200, 2,
        "#F6B84B", "#D9762B", "M6 22L22 6h16v16L22 38zM31 13a2 2 0 1 0 .1 0",
    ),
    SeedReward(
        "cup", "保温杯", "500毫升，守店一整天都有热水喝。", 160, 120, 1,
        "#5AA7E8", "#2C5AA8", "M12 14h20v26H12zM32 20h5a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3h-5M17 8v-3M22 8v-3M27 8v-3",
    ),
    SeedReward(
        "lamp", "陈列射灯", "一盏可调角度的货架射灯，让主推商品亮起来。", 300, 60, 2,
        "#FF9A5A", "#D6455D", "M16 8h16l6 16H10zM20 30h8M21 35h6M24 24v2",
    ),
    SeedReward(
        "power", "充电宝", "10000毫安，顾客和自己都用得上。", 420, 40, 1,
        "#7C8CE0", "#454C9E", "M14 6h20v36H14zM25 14l-6 11h6l-2 9 7-12h-6z",
    ),
    SeedReward(
        "scanner", "扫码枪", "无线扫码枪，收银更快，记账更准。", 900, 12, 1,
        "#6CC08B", "#2B7D5C", "M6 10h26l8 8-4 8H22l-4 16h-9l4-16H6zM12 16h12",
    ),
)  # fmt: skip

# (title, count); the first prize first.
PRIZES_OF_LAST_DRAW = (("电饭煲", 1), ("雨伞", 4), ("抽纸一箱", 10))
PRIZES_OF_THIS_DRAW = (("空气炸锅", 1), ("电热水壶", 3), ("食用油一桶", 12))

LAST_DRAW, THIS_DRAW = "上期学习抽奖", "本期学习抽奖"
SEASON = "店主学习季"
# (first place, last place, points)
PRIZES_OF_SEASON = ((1, 1, 500), (2, 3, 300), (4, 10, 150), (11, 50, 50))


def picture(reward: SeedReward) -> str:
    """An SVG of 480 x 480."""
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}">
<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="{reward.light}"/>\
<stop offset="1" stop-color="{reward.deep}"/></linearGradient></defs>
<rect width="{SIDE}" height="{SIDE}" fill="url(#g)"/><circle cx="240" cy="206" r="150" fill="#fff" opacity=".12"/>
<g transform="translate(120 86) scale(5)" fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round" \
stroke-linejoin="round"><path d="{reward.sign}"/></g>
<text x="240" y="432" text-anchor="middle" font-family="{FONTS}" font-size="40" font-weight="700" fill="#fff">\
{escape(reward.title)}</text>
</svg>
"""
