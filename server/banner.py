"""What `serve` says when all is up: what runs where, and with whom to sign in. The one place that prints phones."""

from collections.abc import Sequence
from functools import partial

from rich.console import Console
from rich.markup import escape

from kit.settings import Settings


def show(
    console: Console, settings: Settings, address: str, *, processes: Sequence[str], accounts: Sequence[tuple[str, str]]
) -> None:
    """`settings` name both databases; `accounts` are (who, phone), the first to try first."""
    lines = [("serving", f"{address}/graphql ({', '.join(processes)})")]
    if settings.graphiql:
        lines.append(("GraphiQL", f"{address}/graphiql"))
    lines.append(("PostgreSQL", _place(settings.database_url)))
    lines.append(("Valkey", _place(settings.redis_url)))
    lines.append(("data", str(settings.data_dir.absolute())))
    say = partial(console.print, highlight=False, soft_wrap=True)
    say("\n[bold]Growth Academy 成长学院[/bold]")
    for what, where in lines:
        say(f"[dim]{what:<12}[/dim]{escape(where)}")
    if accounts:
        say("\nSign in with the code [bold]888888[/bold]:")
        for who, phone in accounts:
            say(f"  {phone}  {escape(who)}")
    say("\n[dim]Ctrl-C stops everything.[/dim]")


def _place(url: str | None) -> str:
    """Where a database is, without user and password."""
    assert url is not None
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
