from gamification.facts import Fact, OutletUpgraded
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "outlet.upgraded"
FACT = OutletUpgraded
TITLE = Title("店铺升级", "Outlet upgraded")
ONCE_PER = OncePer.TIER
LIMITS = Limits(5_000)


def claim(fact: Fact) -> Claim | None:
    """Each tier of an outlet once."""
    if not isinstance(fact, OutletUpgraded):
        return None
    return Claim(CODE, "Outlet", fact.outlet_id, fact.tier.value, fact.occurred_at)
