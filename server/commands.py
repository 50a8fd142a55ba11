"""The commands of each noun: who asks, one call, what is said."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from schema.ids import decode
from server.sentences import line_sentence
from server.terminal import DataDir, bar, err, out, report, run
from server.trusted import load_trusted
from services.accounts import create_admin
from services.audit import Proof, verify_audit
from services.board_building import rebuild
from services.board_verifying import verify_boards
from services.draws import draw_faults
from services.leagues import verify_leagues
from services.ledger import ledger_verify
from services.ledger_checks import Difference
from services.outlet_import import import_outlets, import_regions
from services.ports import Ports
from services.records import progress_verify
from services.signing import deny_leaked, rotate_keys
from services.tables import ImportReport
from services.verifying import verifiers

File = Annotated[
    Path,
    typer.Argument(exists=True, dir_okay=False, readable=True, help="xlsx or CSV (UTF-8, GBK) with a heading."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Report the same, and change nothing.")]

admin = typer.Typer(help="Administrators.", no_args_is_help=True)
outlets = typer.Typer(help="Outlets and their owners.", no_args_is_help=True)
regions = typer.Typer(help="The region tree.", no_args_is_help=True)
boards = typer.Typer(help="The honour boards.", no_args_is_help=True)
ledger = typer.Typer(help="The points ledger.", no_args_is_help=True)
audit = typer.Typer(help="The log of deeds.", no_args_is_help=True)
leagues = typer.Typer(help="Weekly leagues.", no_args_is_help=True)
draws = typer.Typer(help="Prize draws.", no_args_is_help=True)
keys = typer.Typer(help="The keys that sign access tokens.", no_args_is_help=True)
tokens = typer.Typer(help="Access tokens, one by one.", no_args_is_help=True)
documents = typer.Typer(help="Trusted documents.", no_args_is_help=True)


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


@outlets.command("import")
def outlets_import(file: File, dry_run: DryRun = False, data_dir: DataDir = None) -> None:
    """Create and change outlets with their owners. The same file again changes nothing.

    Columns: code, name, region (its code), tier, segment, owner_name, owner_phone; headings may be Chinese. Lines that
    cannot be taken are named and left out; the exit code is 1 if there are any.
    """
    content = file.read_bytes()
    with bar("Importing outlets") as tell:
        done = run(data_dir, lambda ports: import_outlets(ports, content, dry_run=dry_run, tell=tell))
    _say_imported(done, dry_run=dry_run)


@regions.command("import")
def regions_import(file: File, dry_run: DryRun = False, data_dir: DataDir = None) -> None:
    """Create and rename regions; they come before the outlets. The same file again changes nothing.

    Columns: code, name, kind (PROVINCE, CITY, COUNTY, STATION), parent (its code); headings may be Chinese. Lines that
    cannot be taken are named and left out; the exit code is 1 if there are any.
    """
    content = file.read_bytes()
    _say_imported(run(data_dir, lambda ports: import_regions(ports, content, dry_run=dry_run)), dry_run=dry_run)


@boards.command("rebuild")
def rebuild_boards(data_dir: DataDir = None) -> None:
    """Build every board anew from the rows behind it, while the old ones are shown."""
    with bar("Building the boards") as tell:
        shown = run(data_dir, lambda ports: rebuild(ports, tell))
    out.print("The boards are built." if shown else "Somebody else is building them too, and will show theirs.")


@boards.command("verify")
def boards_verify(data_dir: DataDir = None) -> None:
    """Recompute every board from the rows behind it, and name every difference. Exit code 1 if there is one."""
    with err.status("Verifying the boards"):
        differences = run(data_dir, verify_boards)
    report(differences, "The boards are right.")


@ledger.command("verify")
def verify_ledger(
    processes: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=64,
            help="Verify by so many processes beside one another, each with a connection; 0: by this one alone.",
            show_default="one for each core, in a large academy",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Recompute all learning from its events and all points from facts and entries, and name every difference.

    Exit code 1 if there is one. Changes nothing, and learning goes on meanwhile.
    """

    async def verify(ports: Ports) -> list[Difference]:
        async with verifiers(ports, processes) as crew:
            return [*await progress_verify(tell, crew), *await ledger_verify(tell, crew)]

    with bar("Verifying learning and points") as tell:
        differences = run(data_dir, verify)
    report(differences, "The ledger is in order.")


@audit.command("verify")
def audit_verify(data_dir: DataDir = None) -> None:
    """Recompute the chain of the audit log, and name the first entry that is not as it was written.

    Exit code 1 if there is one. Note the number and the hash elsewhere: a log that is rolled back to an older state is
    in order, but no longer has them.
    """

    async def verify(ports: Ports) -> Proof:
        return await verify_audit(ports, tell)

    with bar("Verifying the audit log") as tell:
        proof = run(data_dir, verify)
    if proof.fault is not None:
        err.print(f"[red]{proof.fault}[/red]", highlight=False)
        out.print(f"{proof.entries} entries before it are in order.")
        raise typer.Exit(1)
    out.print(f"{proof.entries} entries are in order; the last hash is {proof.hash}", highlight=False, soft_wrap=True)


@keys.command("rotate")
def rotate(data_dir: DataDir = None) -> None:
    """Add a signing key and retire the others; tokens that live stay good."""
    out.print(f"Key {run(data_dir, rotate_keys)} signs from two minutes on.")


@documents.command("verify")
def verify_documents() -> None:
    """Validate every trusted document against the schema. Exit code 1, and the reason, at the first that fails."""
    trusted = load_trusted()
    out.print(f"The schema answers all {len(trusted.operations)} trusted operations.")


@documents.command("list")
def list_documents() -> None:
    """The ids that clients may send instead of a document: id, kind and name of the operation, one a line."""
    for operation in load_trusted().operations:
        for document_id in operation.texts:
            out.print(f"{document_id}  {operation.kind:<12}  {operation.name}", highlight=False, soft_wrap=True)


@leagues.command("verify")
def leagues_verify(data_dir: DataDir = None) -> None:
    """Deal out and settle every week of the leagues again, from its seed and its points, and name every difference.

    Exit code 1 if there is one.
    """
    with err.status("Verifying the leagues"):
        differences = run(data_dir, lambda _: verify_leagues())
    report(differences, "The leagues are right.")


@draws.command("verify")
def verify_draw(
    draw: Annotated[str, typer.Argument(help="The draw's id, as the API gives it.")], data_dir: DataDir = None
) -> None:
    """Check a draw that is over from what the public sees of it, and say what is wrong. Exit code 1 if anything is."""
    draw_id = decode(draw, "PrizeDraw", "draw")
    faults = run(data_dir, lambda ports: draw_faults(draw_id))
    report(faults, "The draw is fair: seed, list of entrants and winners are what was promised.")


@tokens.command("deny")
def deny_token(data_dir: DataDir = None) -> None:
    """Refuse one access token that was seen where it does not belong; paste it when asked, or pipe it in.

    Its member stays signed in: the app has another token within a quarter of an hour.
    """
    token = typer.prompt("Token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    denied = run(data_dir, lambda ports: deny_leaked(ports, token.strip()))
    out.print("The token is refused from now on." if denied else "The token was refused already.")


def _say_imported(done: ImportReport, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    out.print(f"{done.created} {would}created, {done.updated} {would}changed, {done.unchanged} unchanged.")
    for line in done.rejected:
        err.print(line_sentence(line), highlight=False, markup=False, soft_wrap=True)
    if done.rejected:
        err.print(f"[red]Left out: {len(done.rejected)}.[/red]", highlight=False)
        raise typer.Exit(1)
