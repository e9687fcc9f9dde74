"""`limen audit`: what an auditor or a person's right asks for."""

import asyncio
import sys
from typing import Annotated
from uuid import UUID

import typer
from rich.text import Text

from limen.adapters.cli.group import group
from limen.adapters.cli.options import AsJson, Config, SettingsFile, Store, Where
from limen.adapters.cli.output import GOOD, dump_json, out

app = group("Show that the record is as it was written; erase a person from it without breaking it.")


@app.callback()
def _audit() -> None:
    pass


@app.command()
def erase(
    identity_id: Annotated[str, typer.Argument(help="The identity's id.", metavar="IDENTITY_ID", show_default=False)],
    config: Config = None,
    store: Store = None,
    settings: SettingsFile = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deletes a person's keys and secrets for good; the log stays whole, and what it says of them reads as erased.

    Their sessions end and their identifiers become free. Asks first when it runs in a terminal.
    """
    try:
        identity = UUID(identity_id)
    except ValueError:
        raise typer.BadParameter(f"'{identity_id}' is no identity id", param_hint="IDENTITY_ID") from None
    where = Where(config, settings, store)
    where.configuration()
    if sys.stdin.isatty() and not yes:
        typer.confirm(f"Erase identity {identity} for good?", abort=True, err=True)
    deleted = asyncio.run(_erase(where, identity))
    if as_json:
        dump_json({"identity": str(identity), "erased": True, "vault_rows": deleted})
    else:
        out().print(Text.assemble(("✓ ", GOOD), f"identity {identity} is erased; {deleted} vault rows were deleted"))


async def _erase(where: Where, identity: UUID) -> int:
    from limen.adapters.engine import open_engine
    from limen.adapters.log import open_log
    from limen.domain.erasure import erase as erase_identity

    url = where.url()
    open_log(url).close()  # refuses a store that is not there, which opening the engine would create
    settings = where.settings_file()
    async with open_engine(where.configuration(), url, settings=settings, worker=False, relay=False) as engine:
        # not through the engine's own `erase`, which would publish this configuration as the one in force
        return await erase_identity(engine.tools, engine.streams, identity)
