"""`limen identity`: what an operator does for a person."""

import asyncio
from typing import Annotated
from uuid import UUID

import typer
from rich.text import Text

from limen.adapters.cli.group import group
from limen.adapters.cli.options import AsJson, Config, SettingsFile, Store, Where
from limen.adapters.cli.output import GOOD, dump_json, out

app = group("Do something for a person.")


@app.callback()
def _identity() -> None:
    pass


@app.command()
def unlock(
    identity_id: Annotated[str, typer.Argument(help="The identity's id.", metavar="IDENTITY_ID", show_default=False)],
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="Only this second factor, such as totp or code; login for what was counted of identifiers.",
            show_default=False,
        ),
    ] = None,
    config: Config = None,
    store: Store = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Lets second factors and identifiers that were guessed at too often be tried again; what was wrong is forgotten.

    Make sure first that it is the person who asks. The record keeps that it was done. Where there is nothing to unlock
    the exit code is 1.
    """
    try:
        identity = UUID(identity_id)
    except ValueError:
        raise typer.BadParameter(f"'{identity_id}' is no identity id", param_hint="IDENTITY_ID") from None
    from limen.domain.unlocking import WHAT

    if method is not None and method not in WHAT:
        raise typer.BadParameter(f"'{method}' is none of {', '.join(WHAT)}", param_hint="--method")
    where = Where(config, settings, store)
    where.configuration()
    unlocked = asyncio.run(_unlock(where, identity, method))
    if as_json:
        dump_json({"identity": str(identity), "unlocked": list(unlocked)})
    elif unlocked:
        out().print(Text.assemble(("✓ ", GOOD), f"{', '.join(unlocked)} of identity {identity} may be tried again"))
    else:
        out().print(f"identity {identity} has nothing to unlock")
    if not unlocked:
        raise typer.Exit(1)


async def _unlock(where: Where, identity: UUID, method: str | None) -> tuple[str, ...]:
    from limen.adapters.engine import open_engine
    from limen.adapters.log import open_log
    from limen.domain.unlocking import unlock as unlock_identity

    url = where.url()
    open_log(url).close()  # refuses a store that is not there, which opening the engine would create
    settings = where.settings_file()
    async with open_engine(where.configuration(), url, settings=settings, worker=False, relay=False) as engine:
        # not through the engine's own `unlock`, so that no configuration is published as the one in force
        return await unlock_identity(engine.tools, engine.streams, identity, method)
