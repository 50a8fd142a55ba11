"""What `serve` says when all is up: what runs where, and with whom to sign in. The one place that prints phones."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from kit.settings import Settings
from providers.live.embedded import ingest_url


def show(
    console: Console, settings: Settings, address: str, *, processes: Sequence[str], accounts: Sequence[tuple[str, str]]
) -> None:
    """`settings` name both databases; `accounts` are (who, phone), the first to try first."""
    lines = [("serving", f"{address}/graphql ({', '.join(processes)})")]
    if settings.graphiql:
        lines.append(("GraphiQL", f"{address}/graphiql"))
    if "ingest" in processes:
        lines.append(("live", ingest_url(settings)))
    lines.append(("PostgreSQL", _place(settings.database_url)))
    lines.append(("Valkey", _place(settings.redis_url)))
    lines.append(("data", str(settings.data_dir.absolute())))
    said = ["", "[bold]Growth Academy 成长学院[/bold]"]
    said += [f"[dim]{what:<12}[/dim]{escape(where)}" for what, where in lines]
    if accounts:
        said += ["", "Sign in with the code [bold]888888[/bold]:"]
        said += [f"  {phone}  {escape(who)}" for who, phone in accounts]
    said += ["", "[dim]Ctrl-C stops everything.[/dim]"]
    # At once, or a line of some log would stand in between.
    console.print("\n".join(said), highlight=False, soft_wrap=True)


def _place(url: str | None) -> str:
    """Where a database is, and as whom, without the password: what psql or valkey-cli would take."""
    assert url is not None
    scheme, _, rest = url.partition("://")
    who, _, where = rest.rpartition("@")
    user = who.partition(":")[0]
    return f"{scheme}://{user}@{where}" if user else f"{scheme}://{where}"
