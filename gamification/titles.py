"""Names that people read, in both languages of the academy."""

from typing import NamedTuple

from kit.words import Language


class Title(NamedTuple):
    chinese: str
    english: str

    def text(self, language: Language) -> str:
        return self.english if language is Language.ENGLISH else self.chinese
