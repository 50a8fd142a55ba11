"""The commands of each noun: who asks, one call, what is said."""

from typing import Annotated

import typer

from server.terminal import DataDir, bar, out, report, run
from services.accounts import create_admin
from services.board_projection import rebuild
from services.ledger import ledger_verify
from services.signing import rotate_keys

admin = typer.Typer(help="Administrators.", no_args_is_help=True)
boards = typer.Typer(help="The honour boards.", no_args_is_help=True)
ledger = typer.Typer(help="The points ledger.", no_args_is_help=True)
keys = typer.Typer(help="The keys that sign access tokens.", no_args_is_help=True)


@admin.command("create")
def create(
    phone: Annotated[str, typer.Option(help="Phone number, with +86 or without.")],
    name: Annotated[str, typer.Option(help="Name, for somebody who is new.")] = "Admin",
    region: Annotated[str | None, typer.Option(help="Code of the region to administer; none: all of it.")] = None,
    password: Annotated[
        str | None, typer.Option(envvar="ACADEMY_ADMIN_PASSWORD", help="A password, beside sign-in by code.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make the member with this phone an administrator."""
    member = run(data_dir, lambda ports: create_admin(ports, phone, name, password=password, region_code=region))
    out.print(f"{member.display_name} ({member.masked_phone}) administers {region or 'everything'}.")


@boards.command("rebuild")
def rebuild_boards(data_dir: DataDir = None) -> None:
    """Build every board anew from the rows behind it, while the old ones are shown."""
    with bar("Building the boards") as tell:
        run(data_dir, lambda ports: rebuild(ports, tell))
    out.print("The boards are built.")


@ledger.command("verify")
def verify_ledger(data_dir: DataDir = None) -> None:
    """Recompute all points from facts and entries, and name every difference. Exit code 1 if there is one."""
    with bar("Verifying the ledger") as tell:
        differences = run(data_dir, lambda ports: ledger_verify(tell))
    report(differences, "The ledger is in order.")


@keys.command("rotate")
def rotate(data_dir: DataDir = None) -> None:
    """Add a signing key and retire the others; tokens that live stay good."""
    out.print(f"Key {run(data_dir, rotate_keys)} signs from two minutes on.")
