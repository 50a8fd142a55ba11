"""What `serve` says when all is up: what runs where, and with whom to sign in. The one place that prints phones."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from kit.settings import Settings


def show(
    console: Console, settings: Settings, address: str, *, processes: Sequence[str], accounts: Sequence[tuple[str, str]]
) -> None:
    """`settings` name both databases; `accounts` are (who, phone), the first to try first."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    lines.add_row("serving", f"{address}/graphql   ({', '.join(processes)})")
    if settings.graphiql:
        lines.add_row("GraphiQL", f"[bold]{address}/graphiql[/bold]")
    lines.add_row("PostgreSQL", _place(settings.database_url))
    lines.add_row("Valkey", _place(settings.redis_url))
    lines.add_row("data", str(settings.data_dir.absolute()))
    console.print()
    console.print("[bold]Growth Academy 成长学院[/bold]")
    console.print(lines)
    if accounts:
        console.print("\nSign in with the code [bold]888888[/bold]:")
        people = Table.grid(padding=(0, 2))
        for who, phone in accounts:
            people.add_row(f"  {phone}", who)
        console.print(people)
    console.print("\n[dim]Ctrl-C stops everything.[/dim]")


def _place(url: str | None) -> str:
    """Where a database is, without user and password."""
    assert url is not None
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
