"""`limen audit checkpoint | key | verify | prove | verify-proof`: that the record is as it was written."""

import asyncio
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer
from rich.text import Text

from limen.adapters.cli.following import progress
from limen.adapters.cli.options import AsJson, Config, SettingsFile, Store, Where
from limen.adapters.cli.output import BAD, DIM, GOOD, NAME, WARN, dump_json, note, number, out, show_out
from limen.adapters.cli.table import plain_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from limen.adapters.ledger import Ledger
    from limen.adapters.ledger.checkpoint import Checkpoint
    from limen.adapters.ledger.note import Verifier
    from limen.adapters.ledger.verification import Report
    from limen.domain.configuration import LedgerSettings

SHOWN_FAULTS = 200
"""Faults listed for people; `--json` has them all."""

TrustedKeys = Annotated[
    list[str] | None,
    typer.Option("--key", help="The key that is trusted, as limen audit key prints it; repeatable.", metavar="VKEY"),
]


def register(app: typer.Typer) -> None:
    """Adds the commands to `limen audit`."""
    app.command("checkpoint")(checkpoint)
    app.command("key")(key)
    app.command("verify")(verify)
    app.command("prove")(prove)
    app.command("verify-proof")(verify_proof)


def checkpoint(
    config: Config = None, store: Store = None, settings: SettingsFile = None, as_json: AsJson = False
) -> None:
    """Seals all that is recorded, signs it, and prints the checkpoint: a signed note of a few lines.

    Keep it where whoever may change the store cannot: limen audit verify --checkpoint FILE holds the log against it.
    """
    from limen.domain.errors import NotInLedger

    where = Where(config, settings, store)
    with _writing(where) as (ledger, seed, wanted):
        from limen.adapters.system import SystemClock

        with progress("sealing") as step:
            ledger.seal(step)
        before = ledger.last()
        made = ledger.sign(seed, SystemClock().now(), wanted.origin)
    if made is None:
        raise NotInLedger("nothing is recorded yet: there is nothing to sign")
    new = before is None or before.number != made.number
    if as_json:
        dump_json({**made.body(), "new": new})
        return
    sys.stdout.write(made.note)
    since = "" if new else ": nothing was recorded since"
    note(f"checkpoint {made.number} over {number(made.size, 'event')}{since}")


def key(config: Config = None, store: Store = None, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Prints the public key that checkpoints are signed with, as a verifier key.

    From the key itself, with --config or `ledger: {key: FILE}`; else as the newest checkpoint names it.
    """
    where = Where(config, settings, store)
    if config is None and _ledger_settings(where).key is None:
        found, own = _named(where), False
    else:
        with _writing(where) as (ledger, seed, wanted):
            from limen.adapters.ledger.ledger import name_of
            from limen.adapters.ledger.note import Signer

            last = ledger.last()
            found = Signer(last.origin if last else wanted.origin or name_of(seed), seed).verifier
        own = True
    if as_json:
        dump_json({"key": str(found), "name": found.name, "id": found.id.hex(), "named_by_checkpoint": not own})
        return
    out().print(Text(str(found)))
    if not own:
        note("as the newest checkpoint names it; with --config it comes from the vault")


def verify(
    store: Store = None,
    settings: SettingsFile = None,
    kept: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", help="A checkpoint that was kept elsewhere; repeatable.", metavar="FILE"),
    ] = None,
    keys: TrustedKeys = None,
    as_json: AsJson = False,
) -> None:
    """Holds the whole log against its leaves and every checkpoint that was ever signed.

    Names each event that was changed, removed, inserted or reordered up to the last checkpoint, and counts what is not
    sealed yet. Exit code 1 when anything is wrong. Needs no configuration.
    """
    from limen.adapters.ledger import open_ledger
    from limen.adapters.ledger.verification import verify as verify_log

    notes = {str(path): path.read_text(encoding="utf-8", errors="replace") for path in kept or ()}
    trusted = _verifiers(keys)
    with open_ledger(Where(None, settings, store).url()) as ledger, progress("verifying") as step:
        report = verify_log(ledger.tables, keys=trusted, kept=notes, progress=step)
    if as_json:
        dump_json(report.body())
    else:
        _show(report)
    if not report.valid:
        raise typer.Exit(1)


def prove(
    event: Annotated[
        str | None,
        typer.Argument(
            help="An event: stream:version, or its position in the log.", metavar="EVENT", show_default=False
        ),
    ] = None,
    consistency: Annotated[
        tuple[int, int] | None,
        typer.Option(help="Prove that one checkpoint goes on from another; by their numbers.", metavar="OLD NEW"),
    ] = None,
    store: Store = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Prints a proof that an event is in the log of the newest checkpoint. It stands alone, as JSON.

    Who has it and the key can check it with limen audit verify-proof, or by RFC 9162, without the store.
    """
    from limen.adapters.ledger import open_ledger

    if (event is None) == (consistency is None):
        raise typer.BadParameter("name one event, or two checkpoints with --consistency", param_hint="EVENT")
    with open_ledger(Where(None, settings, store).url()) as ledger:
        document = _proof_of(ledger, event or "") if consistency is None else ledger.prove_consistency(*consistency)
    if as_json:
        dump_json(document)
    else:
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        note("kept in a file, limen audit verify-proof FILE checks it")


def verify_proof(
    file: Annotated[typer.FileText, typer.Argument(help="The proof; - is the standard input.", metavar="FILE")],
    keys: TrustedKeys = None,
    as_json: AsJson = False,
) -> None:
    """Checks a proof. Needs no store. Exit code 1 when it does not hold.

    Without --key the signature is checked against the key that the checkpoint itself names: that shows that the proof
    belongs to the checkpoint, and not whose checkpoint it is.
    """
    from limen.adapters.ledger.proof import Verdict, verdict

    trusted = _verifiers(keys)
    try:
        found = verdict(json.load(file), *trusted)
    except ValueError:
        found = Verdict(False, "the proof cannot be read: it is no JSON")
    if as_json:
        dump_json({**found.body(), "trusted": bool(trusted)})
    else:
        _show_verdict(found.body(), trusted=bool(trusted))
    if not found.valid:
        raise typer.Exit(1)


# ------------------------------------------------------------------------------------------------------- opening


def _ledger_settings(where: Where) -> "LedgerSettings":
    from limen.adapters.cli.options import read_settings_file
    from limen.domain.configuration import LedgerSettings

    path = where.settings_file()
    return read_settings_file(path).ledger if path is not None else LedgerSettings()


@contextmanager
def _writing(where: Where) -> "Iterator[tuple[Ledger, bytes, LedgerSettings]]":
    """The ledger to write, and the key to sign with: of a file, or of the vault that the configuration opens."""
    from limen.adapters.keyring import Keys
    from limen.adapters.ledger import open_ledger
    from limen.adapters.ledger.key import seed_in, seed_of
    from limen.adapters.log import open_log
    from limen.adapters.store import open_store
    from limen.adapters.system import SystemSecrets

    url, wanted = where.url(), _ledger_settings(where)
    open_log(url).close()  # refuses a store that is not there, which opening it for writing would create
    if wanted.key is not None:
        with open_ledger(url, write=True) as ledger:
            yield ledger, seed_in(Path(wanted.key)), wanted
        return
    from limen.adapters.cli.reading import master_of

    master, opened = master_of(where), open_store(url)
    try:
        seed = asyncio.run(seed_of(wanted, Keys(opened, master, SystemSecrets())))
        with open_ledger(url, write=True, log=opened.application) as ledger:
            yield ledger, seed, wanted
    finally:
        opened.close()


def _named(where: Where) -> "Verifier":
    from limen.adapters.ledger import open_ledger
    from limen.domain.errors import NotInLedger

    with open_ledger(where.url()) as ledger:
        last: Checkpoint | None = ledger.last()
    if last is None:
        raise NotInLedger("nothing was signed yet; limen audit key --config FILE makes the key and prints it")
    return last.key


def _verifiers(keys: list[str] | None) -> "list[Verifier]":
    from limen.adapters.ledger.note import NoteInvalid, Verifier

    try:
        return [Verifier.of(one) for one in keys or ()]
    except NoteInvalid as error:
        raise typer.BadParameter(str(error), param_hint="--key") from None


def _proof_of(ledger: "Ledger", event: str) -> dict[str, Any]:
    if event.isdecimal():
        return ledger.prove_position(int(event))
    stream, _, version = event.rpartition(":")
    try:
        return ledger.prove(UUID(stream), int(version))
    except ValueError:
        raise typer.BadParameter(
            f"'{event}' is neither a position nor stream:version, the stream's id in full", param_hint="EVENT"
        ) from None


# ------------------------------------------------------------------------------------------------------- showing


def _show(report: "Report") -> None:
    if report.faults:
        table = plain_table("position", "stream", "version", "what", "", numbers=("position", "version"))
        for fault in report.faults[:SHOWN_FAULTS]:
            body = fault.body()
            place = ["" if body[name] is None else str(body[name]) for name in ("position", "stream", "version")]
            table.add_row(place[0], Text(place[1], style=DIM), place[2], Text(fault.kind, style=BAD), fault.detail)
        show_out(table)
        if len(report.faults) > SHOWN_FAULTS:
            note(f"and {len(report.faults) - SHOWN_FAULTS:,} more: --json lists them all")
    sealed = f"{number(report.sealed, 'event')} sealed by {number(report.checkpoints, 'checkpoint')}"
    unsealed = (f", {report.unsealed:,} not sealed yet", WARN if report.unsealed else DIM)
    if report.valid:
        out().print(Text.assemble(("✓ ", GOOD), f"as it was signed: {sealed}", unsealed))
    else:
        out().print(Text.assemble(("✗ ", BAD), f"{number(len(report.faults), 'fault')}: {sealed}", unsealed))
    if not report.sealed:
        note("nothing is sealed, so nothing was shown; limen audit checkpoint seals")
    elif not report.trusted:
        out().print(Text.assemble(("  key ", DIM), (report.key or "", NAME)))
        note("the key is the one that the checkpoints name; --key holds them against the one you know")


def _show_verdict(body: dict[str, Any], *, trusted: bool) -> None:
    mark = ("✓ ", GOOD) if body["valid"] else ("✗ ", BAD)
    if body.get("proof") == "inclusion":
        what = f"{body['type']} is event {body['index'] + 1:,} of the {body['size']:,} signed {body['time']}"
        place = f"  stream {body['stream']} version {body['version']}"
    else:
        what = f"the log of {body.get('new', 0):,} events begins with that of {body.get('old', 0):,}"
        place = ""
    out().print(Text.assemble(mark, what if body["valid"] else str(body["fault"])))
    if body["valid"] and place:
        out().print(Text(place, style=DIM))
    if body["valid"] and not trusted:
        out().print(Text.assemble(("  key ", DIM), (str(body["key"]), NAME)))
        note("the key is the one that the checkpoint names; --key holds it against the one you know")
