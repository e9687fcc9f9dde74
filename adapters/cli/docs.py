"""`limen docs`: writes the generated pages of `docs/reference`, or compares them. For developers of limen itself."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from limen.adapters.cli.output import GOOD, fail, out


def register(app: typer.Typer) -> None:
    """Adds the command; it is of use in the repository alone, so the help does not list it."""
    app.command("docs", hidden=True)(docs)


def docs(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit code 1 when something differs.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the pages are.", metavar="FOLDER")] = Path("docs/reference"),
) -> None:
    """Writes the generated pages of the reference."""
    from limen.adapters.reference import build, compare

    if not folder.is_dir():
        raise typer.BadParameter(f"there is no folder {folder}; run it in the repository", param_hint="--folder")
    root = context.find_root().command
    if not check:
        changed = build(folder, root)
        out().print(Text.assemble(("✓ ", GOOD), f"{folder}: {changed} of its generated files changed"))
        return
    drifts = compare(folder, root)
    if drifts:
        fail(
            "generated pages differ from the code; make docs writes them", [f"{one.path}: {one.what}" for one in drifts]
        )
        raise typer.Exit(1)
    out().print(Text.assemble(("✓ ", GOOD), f"{folder} is what the code says"))
