"""All commands, put together."""

import inspect
from typing import Annotated

import typer

from limen.adapters.cli import (
    actions,
    audit,
    bus,
    config,
    delivery,
    demo,
    docs,
    export,
    flow,
    identity,
    ledger,
    log,
    projection,
    relay,
    search,
    simulate,
)
from limen.adapters.cli.root import Root

app = typer.Typer(
    cls=Root,
    name="limen",
    help="Self-service identity flows as event-sourced state machines, with actions on both sides.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"limen {version('limen')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and exit.")
    ] = False,
) -> None:
    pass


def _unwrap(group: typer.Typer) -> None:
    """Takes the line ends of the source out of what commands say of themselves, so that any terminal fits."""
    for command in group.registered_commands:
        text = inspect.getdoc(command.callback) or ""
        command.help = "\n\n".join(paragraph.replace("\n", " ") for paragraph in text.split("\n\n"))
    for one in group.registered_groups:
        if one.typer_instance is not None:
            _unwrap(one.typer_instance)


demo.register(app)
app.add_typer(config.app, name="config")
app.add_typer(actions.app, name="actions")
app.add_typer(flow.app, name="flow")
app.add_typer(delivery.app, name="delivery")
log.register(app)
ledger.register(audit.app)
search.register(audit.app)
export.register(audit.app)
app.add_typer(audit.app, name="audit")
app.add_typer(identity.app, name="identity")
app.add_typer(projection.app, name="projection")
simulate.register(app)
relay.register(app)
app.add_typer(bus.app, name="bus")
docs.register(app)
_unwrap(app)
