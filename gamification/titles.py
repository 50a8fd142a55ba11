"""Names that people read, in both languages of the academy."""

from datetime import datetime
from typing import NamedTuple

from kit.clock import ZONE
from kit.words import Language


class Title(NamedTuple):
    chinese: str
    english: str

    def text(self, language: Language) -> str:
        return self.english if language is Language.ENGLISH else self.chinese


MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def moment(at: datetime) -> Title:
    """A moment as people say it, in the academy's zone: 3月6日23:59; 6 March, 23:59."""
    here = at.astimezone(ZONE)
    time = f"{here:%H:%M}"
    return Title(f"{here.month}月{here.day}日{time}", f"{here.day} {MONTHS[here.month - 1]}, {time}")
