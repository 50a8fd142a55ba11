"""kit/log.py: one JSON line per event, without what nobody may read there."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from kit.log import configure_logging


class Lines(io.StringIO):
    """Standard error, read as one JSON object a line."""

    def read_all(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = Lines()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging()
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_an_event_is_one_json_line_with_its_fields(lines: Lines) -> None:
    structlog.get_logger("requests").info("http", request_id="r1", ms=1.5)

    [line] = lines.read_all()

    assert line.pop("timestamp")
    assert line == {"event": "http", "request_id": "r1", "ms": 1.5, "level": "info", "logger": "requests"}


def test_hidden_keys_are_blotted_out(lines: Lines) -> None:
    log = structlog.get_logger("a")
    log.info("sign in", phone="+8613800138000", token="t", variables={"code": "1"}, code="NOT_FOUND")

    [line] = lines.read_all()

    assert (line["phone"], line["token"], line["variables"], line["code"]) == ("…", "…", "…", "NOT_FOUND")


@pytest.mark.parametrize(
    "secret",
    ["+8613800138000", "13800138000", "138 0013 8000", "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl", "a" * 43],
)
def test_private_words_are_blotted_out_of_any_text(secret: str, lines: Lines) -> None:
    try:
        raise ValueError(f"Key (phone)=({secret}) exists")
    except ValueError:
        structlog.get_logger("a").exception("failed")
    logging.getLogger("some.library").warning("saw %s", secret)

    found = lines.read_all()

    assert len(found) == 2
    assert secret not in json.dumps(found)
    assert "ValueError" in str(found[0]["exception"])


def test_ids_and_short_numbers_stay_readable(lines: Lines) -> None:
    text = "member 01a207ad-0a4d-7099-8684-ae24120a9bc2 has 12345 points"

    structlog.get_logger("a").info(text)

    assert lines.read_all()[0]["event"] == text
