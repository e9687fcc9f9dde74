"""A group of commands (`limen flow …`), made the same way every time."""

import typer


def group(help_: str) -> typer.Typer:
    """An empty group; without a command it shows its help."""
    return typer.Typer(help=help_, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
