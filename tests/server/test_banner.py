"""What is said once all is up."""

from io import StringIO

import pytest
from rich.console import Console

from kit.settings import Settings
from server.banner import show


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://academy:hunter2@db:5432/academy", "postgresql://academy@db:5432/academy"),
        ("postgresql://postgres@/academy?host=/tmp/x", "postgresql://postgres@/academy?host=/tmp/x"),
        ("postgresql://db/academy", "postgresql://db/academy"),
    ],
)
def test_the_banner_shows_where_the_database_is_and_no_password(url: str, shown: str) -> None:
    screen = StringIO()
    settings = Settings(database_url=url, redis_url="redis://:hunter2@cache:6379/0")

    show(Console(file=screen), settings, "http://127.0.0.1:8000", processes=["web 1"], accounts=[("who", "+8613")])

    lines = screen.getvalue().splitlines()
    assert f"PostgreSQL  {shown}" in lines
    assert "Valkey      redis://cache:6379/0" in lines
    assert "GraphiQL    http://127.0.0.1:8000/graphiql" in lines
    assert "  +8613  who" in lines
    assert "hunter2" not in screen.getvalue()


def test_a_line_too_long_for_the_screen_stays_whole() -> None:
    screen = StringIO()
    url = f"postgresql://postgres@/academy?host=/tmp/{'x' * 100}"
    settings = Settings(database_url=url, redis_url="redis://cache", graphiql=False)

    show(Console(file=screen, width=60), settings, "http://127.0.0.1:8000", processes=["web 1"], accounts=[])

    assert f"PostgreSQL  {url}" in screen.getvalue().splitlines()
    assert "GraphiQL" not in screen.getvalue()
