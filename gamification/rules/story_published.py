from gamification.facts import Fact, StoryPublished
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "story.published"
FACT = StoryPublished
TITLE = Title("征文发布", "Story published")
ONCE_PER = OncePer.STORY
LIMITS = Limits(500)


def claim(fact: Fact) -> Claim | None:
    if not isinstance(fact, StoryPublished):
        return None
    return Claim(CODE, "StoryEntry", fact.entry_id, "", fact.occurred_at)
