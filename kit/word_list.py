"""Words that are not said here: a file, one word a line, read again as soon as it is another one.

Text and words are compared in one spelling: compatibility forms are made plain (NFKC), case, spaces and unseen
characters do not matter. A word of Latin letters or digits is only found as a whole word, its letters perhaps spread
out, so that an innocent one is not caught for the letters in its middle.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import structlog

OURS = (
    "代开发票", "办证", "刷单", "套现", "赌博", "博彩", "六合彩", "毒品", "冰毒", "色情", "约炮", "裸聊", "枪支",
    "假烟", "走私烟", "代写论文", "高利贷", "裸贷", "加微信领", "加V信", "傻逼", "操你妈", "他妈的", "fuck", "shit",
)  # fmt: skip
"""What is refused without a file: advertising for what is forbidden, and abuse."""

LONGEST_FILE = 1024 * 1024
UNSEEN = frozenset({"Cc", "Cf", "Mn", "Zl", "Zp"})

_log = structlog.get_logger("words")


@dataclass(frozen=True)
class Words:
    """A list as it was read; `plain` are found anywhere, `latin` as whole words."""

    plain: frozenset[str]
    latin: frozenset[str]

    def __len__(self) -> int:
        return len(self.plain) + len(self.latin)

    @cached_property
    def checksum(self) -> str:
        return hashlib.sha256("\n".join(sorted(self.plain | self.latin)).encode()).hexdigest()

    @cached_property
    def _plain(self) -> re.Pattern[str] | None:
        return re.compile("|".join(map(re.escape, sorted(self.plain)))) if self.plain else None

    @cached_property
    def _latin(self) -> re.Pattern[str] | None:
        spread = (r"[\W_]*".join(map(re.escape, word)) for word in sorted(self.latin))
        return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(spread)})(?![a-z0-9])") if self.latin else None

    def found_in(self, text: str) -> bool:
        """Whether one of the words is in `text`, however it is spelled there."""
        plain = _spelled(text)
        if self._latin is not None and self._latin.search(plain):
            return True
        return self._plain is not None and bool(self._plain.search("".join(plain.split())))


class WordList:
    """The words of a file; of ours where there is none. A file that cannot be read leaves the words as they were."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[int, int, int] | None = None
        self._words = words_of(OURS)
        self._failed = False

    def refuses(self, text: str) -> bool:
        return self.current().found_in(text)

    def current(self) -> Words:
        """The words as the file has them now. Looks at its time and size, and reads it only when they have changed."""
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen != self._read:
                if stat.st_size > LONGEST_FILE:
                    raise ValueError("the list is too long")
                self._words = words_of(self._path.read_text(encoding="utf-8").splitlines())
                self._read, self._failed = seen, False
                _log.info("word list read", words=len(self._words))
        except FileNotFoundError:
            if self._read is not None:
                self._words, self._read = words_of(OURS), None
        except (OSError, ValueError) as error:
            if not self._failed:
                self._failed = True
                _log.warning("word list cannot be read, the last one goes on", error=type(error).__name__)
        return self._words


def words_of(lines: Iterable[str]) -> Words:
    """The words in lines; empty ones and those that begin with # say nothing."""
    words = {"".join(_spelled(line).split()) for line in lines if not line.lstrip().startswith("#")} - {""}
    latin = frozenset(word for word in words if word.isascii() and word.isalnum())
    return Words(frozenset(words - latin), latin)


def _spelled(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    shown = "".join(each for each in folded if unicodedata.category(each) not in UNSEEN)
    return unicodedata.normalize("NFKC", shown)
