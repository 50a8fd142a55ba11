"""The demo's offline classes: what trainers of the town teach, where, and what shop owners said of it."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class SeedClass:
    """Begins at `hour` in Shanghai, `days` from today. `pupils` signed up, of whom all but `absent` came if it is over;
    stars and words are theirs, from the first on."""

    key: str
    title: str
    place: str
    address: str
    days: int
    hour: int
    capacity: int
    pupils: int
    absent: int = 0
    said: tuple[tuple[int, str], ...] = ()
    lasts: timedelta = timedelta(hours=2)


CLASSES = (
    SeedClass(
        "display", "小店陈列实操：货架动起来", "城东服务站二楼培训室", "人民东路 18 号", days=-4, hour=14, capacity=12,
        pupils=11, absent=2,
        said=(
            (5, "老师带着我们当场调货架，回来照着做，饮料卖得快多了。"), (5, "比看视频明白，下次还来。"),
            (4, "讲得好，就是停车不方便。"), (5, ""),
        ),
    ),
    SeedClass(
        "orders", "订货软件手把手", "城东服务站二楼培训室", "人民东路 18 号", days=1, hour=15, capacity=30, pupils=14,
    ),
    SeedClass(
        "customers", "留住老街坊：会员与社群", "好邻居便利店（示范店）", "文昌路 66 号", days=5, hour=14, capacity=8,
        pupils=11,
    ),
)  # fmt: skip
"""The first is over, the second is tomorrow, the third is full, with a waitlist."""

HALL = (23.0489, 113.7447)
"""Latitude and longitude of all of them (WGS-84)."""
