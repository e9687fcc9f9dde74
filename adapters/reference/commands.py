"""The commands: what each does, its arguments and options."""

from collections.abc import Iterator
from typing import Any

from limen.adapters.reference.markdown import code, page, sentence, table

_INTRODUCTION = """Exit codes: 0 is yes or done, 1 a negative answer (a refused configuration, a flow that does not
exist, a demo in which something did not arrive), 2 wrong use. Data goes to the standard output, everything else to the
standard error. Lists and records take `--json`.

Files are found by `--config`, `--settings` and `--store`; then by `LIMEN_CONFIG`, `LIMEN_SETTINGS` and `LIMEN_STORE`;
then by `limen.yml` and `sqlite:///limen.db` in the working directory. `LIMEN_TRACEBACK=1` shows where an unexpected
error came from."""


def commands_page(root: Any) -> str:
    """All commands below the root command of the command line, hidden ones left out."""
    parts = [_INTRODUCTION]
    for name, command in _commands(root, "limen"):
        parts += [f"## {name}", sentence(command.help), f"```\n{_usage(name, command)}\n```"]
        rows = [_row(param) for param in command.params if _shown(param)]
        if rows:
            parts.append(table(["", "environment", "meaning"], rows))
    return page("Commands", *parts)


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _shown(param: Any) -> bool:
    return param.name != "help" and not getattr(param, "hidden", False)


def _usage(name: str, command: Any) -> str:
    arguments = [_argument(param) for param in command.params if not _is_option(param)]
    options = ["[OPTIONS]"] if any(map(_is_option, command.params)) else []
    return " ".join([name, *options, *arguments])


def _is_option(param: Any) -> bool:
    return str(param.opts[0]).startswith("-")


def _argument(param: Any) -> str:
    name = str(param.metavar or param.name).upper().rstrip("_")
    return name if param.required else f"[{name}]"


def _row(param: Any) -> list[str]:
    if not _is_option(param):
        return [code(_argument(param)), code(param.envvar or ""), sentence(param.help)]
    value = "" if param.is_flag else f" {param.metavar or str(param.name).upper().rstrip('_')}"
    name = ", ".join(param.opts) + value
    must = " Must be given." if param.required else ""
    return [code(name), code(param.envvar or ""), sentence(param.help) + must]
