"""`limen projection`: how far the views have come, and building them anew."""

from typing import Annotated

import typer
from rich.text import Text

from limen.adapters.cli.following import progress
from limen.adapters.cli.group import group
from limen.adapters.cli.options import AsJson, SettingsFile, Store, Where
from limen.adapters.cli.output import DIM, GOOD, NAME, WARN, dump_array, out, show_out
from limen.adapters.cli.table import plain_table

app = group("The views that lists are read from: how far they are, and building them anew.")


@app.command()
def status(store: Store = None, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Shows how far each view has come in the log. A list brings its view up to date by itself."""
    from limen.adapters.views import open_views

    with open_views(Where(None, settings, store).url()) as views:
        found = views.status()
    if as_json:
        dump_array(
            {"name": one.name, "position": one.position, "head": one.head, "lag": one.lag, "rows": one.rows}
            for one in found
        )
        return
    table = plain_table("view", "rows", "position", "log", "behind", numbers=("rows", "position", "log", "behind"))
    for one in found:
        behind = Text(str(one.lag), style=WARN) if one.lag else Text("0", style=DIM)
        table.add_row(Text(one.name, style=NAME), f"{one.rows}", f"{one.position}", f"{one.head}", behind)
    show_out(table)


@app.command()
def rebuild(
    name: Annotated[
        str | None, typer.Argument(help="The view; all of them unless one is named.", metavar="NAME")
    ] = None,
    store: Store = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Folds the log into new tables, which then take the place of the old ones. No action runs."""
    from limen.adapters.views import open_views
    from limen.projections import VIEWS

    if name is not None and name not in VIEWS:
        raise typer.BadParameter(f"there is no view '{name}'; there are {', '.join(VIEWS)}", param_hint="NAME")
    views_ = [VIEWS[name]] if name is not None else list(VIEWS.values())
    with open_views(Where(None, settings, store).url()) as views, progress(f"rebuilding {name or 'all'}") as step:
        reached = views.rebuild_all(views_, step)
    done = [{"name": one, "position": position} for one, position in reached.items()]
    if as_json:
        dump_array(done)
        return
    for one in done:
        out().print(Text.assemble(("✓ ", GOOD), f"{one['name']} rebuilt up to position {one['position']}"))
