"""Where an offer (a reward, a prize draw) is made, and who it is made to."""

from dataclasses import dataclass

FOR_SCOPE = (
    "(coalesce(r.path, '') = '' OR starts_with($1::text, r.path)"
    " OR EXISTS (SELECT 1 FROM unnest($2::text[]) top WHERE starts_with(r.path, top) OR starts_with(top, r.path)))"
)
"""A condition on the offer's region `r` (left-joined); `$1` and `$2` are `OfferScope.values`."""


@dataclass(frozen=True, slots=True)
class OfferScope:
    """Whose offers are meant: those of everywhere, of the regions the learner's current outlet lies in, and of the
    subtrees `tops` with what lies above them. `own_path` is None for who holds no post."""

    own_path: str | None
    tops: tuple[str, ...]
    unopened: bool
    """Whether offers are shown before they open and after they close, as those who run them need."""

    @property
    def values(self) -> tuple[str, list[str]]:
        return self.own_path or "", list(self.tops)
