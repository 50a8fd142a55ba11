"""The demo's story contest: what shop owners might tell, and how many of their colleagues liked it."""

from dataclasses import dataclass

TITLE = "我的小店故事"
BRIEF = "开店这些年，总有一件事、一个人让您忘不了。写下来，配上照片，和同行们说一说。"
PRIZES = ((1, 1, 500), (2, 3, 300), (4, 10, 100))
"""(from position, to position, points)"""


@dataclass(frozen=True, slots=True)
class SeedStory:
    """`look` is a module of `seeds/covers.py`, for the colours of the picture. `votes`, as far as there are voters;
    None: it still waits for review."""

    title: str
    text: str
    look: str
    votes: int | None


STORIES = (
    SeedStory(
        "雨夜里的一盏灯",
        "去年夏天下大雨，整条街都停了电。我点上应急灯没有关门，想着总有人要买蜡烛。结果来了七八个躲雨的人，有人泡面，有人"
        "给家里打电话。雨停的时候，一个小姑娘说：老板，你这盏灯真亮。从那以后，我的灯总是最后一个关。",
        "customers",
        14,
    ),
    SeedStory(
        "学会扫码的老周",
        "老周今年六十八，最怕手机。我把付款码放大贴在柜台上，教了他三回。现在他天天来买报纸，扫完还要回头看我一眼，等我说一句"
        "“到账了”。街坊都说，是小店让他不怕手机的。",
        "digital",
        11,
    ),
    SeedStory(
        "把货架转了个方向",
        "听完陈列课，我把靠墙的货架转了过来，热销的放到伸手就能拿的地方。头一个星期就多卖了三成饮料。老婆说我上课没有白上。",
        "display",
        8,
    ),
    SeedStory(
        "孩子们的作业桌",
        "放学以后，店门口总有几个孩子等家长。我摆了一张小桌子，他们写作业，我看店。有个孩子考了满分，第一个跑来告诉我。",
        "marketing",
        6,
    ),
    SeedStory(
        "涨水那天的送货员",
        "那天河水漫过了桥，送货的小陈绕了二十里路，裤腿全湿，货一件没少。我留他吃了碗热面。做生意，靠的是人。",
        "logistics",
        3,
    ),
    SeedStory(
        "第一本账",
        "开店第一天，我在本子上写：卖出香皂一块，两元。三十年了，本子攒了一箱，如今都记在手机里，可那一页我还留着。",
        "law",
        None,
    ),
)
