"""The demo's paths: for each tier five stages, from what the law asks to what makes a better shop."""

from dataclasses import dataclass

from kit.words import OutletTier


@dataclass(frozen=True, slots=True)
class SeedStage:
    """`courses` by their codes."""

    code: str
    title: str
    points: int
    courses: tuple[str, ...]


PATHS: dict[OutletTier, tuple[SeedStage, ...]] = {
    OutletTier.NEW: (
        SeedStage("rules", "开门守规矩", 30, ("law-01", "law-02")),
        SeedStage("start", "收银订货会上手", 40, ("ordering-01", "digital-01")),
        SeedStage("shelves", "货架会说话", 50, ("display-01", "marketing-01")),
        SeedStage("service", "服务有温度", 60, ("customers-01", "customers-07")),
        SeedStage("safety", "安全又安心", 80, ("law-07", "safety-01")),
    ),
    OutletTier.ORDINARY: (
        SeedStage("rules", "开门守规矩", 30, ("law-01", "law-02")),
        SeedStage("ordering", "订货不求人", 40, ("ordering-01", "ordering-02")),
        SeedStage("shelves", "货架会说话", 50, ("display-01", "display-03")),
        SeedStage("service", "服务有温度", 60, ("customers-02", "customers-05")),
        SeedStage("safety", "安全又安心", 80, ("law-07", "safety-01", "digital-08")),
    ),
    OutletTier.MODERN: (
        SeedStage("rules", "进货有凭据", 30, ("law-02", "law-04")),
        SeedStage("scanning", "每一单都扫码", 40, ("digital-02", "digital-08")),
        SeedStage("shelves", "橱窗与堆头", 50, ("display-02", "display-03")),
        SeedStage("community", "会员与社群", 60, ("customers-06", "marketing-04")),
        SeedStage("numbers", "看懂自家数字", 80, ("digital-03", "digital-04")),
    ),
    OutletTier.PARTNER: (
        SeedStage("rules", "守住底线", 30, ("law-04", "law-07")),
        SeedStage("screens", "双屏与扫码", 40, ("digital-02", "digital-03")),
        SeedStage("shop", "动线与橱窗", 50, ("display-02", "display-05")),
        SeedStage("money", "会算账会待客", 60, ("marketing-06", "customers-06")),
        SeedStage("supply", "断货积压都管住", 80, ("logistics-07", "ordering-03")),
    ),
}
