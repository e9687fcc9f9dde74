"""Output: JSON for programs, calm colors for people. Errors and notes go to the standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

DIM, NAME, GOOD, BAD, WARN, HINT = "bright_black", "cyan", "green", "red", "yellow", "bold"

_STATES = {
    "completed": GOOD,
    "delivered": GOOD,
    "continue": GOOD,
    "modify": GOOD,
    "rejected": BAD,
    "failed": BAD,
    "dead": BAD,
    "fail": BAD,
    "interrupt": WARN,
    "interrupted": WARN,
    "refused": WARN,
    "released": WARN,
    "dismissed": WARN,
    "waiting": WARN,
    "expired": DIM,
    "canceled": DIM,
    "cancel": DIM,
    "ignored": DIM,
}


def out() -> Console:
    """The console of the standard output; without a terminal it is plain and as wide as it needs to be."""
    return _console(sys.stdout.isatty(), stderr=False)


def err() -> Console:
    """The console of the standard error."""
    return _console(sys.stderr.isatty(), stderr=True)


@lru_cache
def _console(terminal: bool, *, stderr: bool) -> Console:
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=None if terminal else 400)


def show_out(renderable: RenderableType) -> None:
    """Prints a table or timeline; without a terminal no line ends in blanks."""
    console = out()
    if console.is_terminal:
        console.print(renderable)
        return
    with console.capture() as capture:
        console.print(renderable)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def state_style(state: str | None) -> str:
    """The color of a state or verdict."""
    return _STATES.get(state or "", NAME)


def dump_json(value: Any) -> None:
    """One JSON document, indented for a terminal, on one line for a program."""
    write_line(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def dump_array(values: Iterable[Any]) -> None:
    """A JSON array, written as its elements come, one a line: memory stays flat however many they are."""
    separator = "["
    for value in values:
        sys.stdout.write(f"{separator}{json.dumps(value, ensure_ascii=False)}")
        separator = ",\n "
    sys.stdout.write("]\n" if separator != "[" else "[]\n")


def dump_line(value: Any) -> None:
    """One JSON value on a line of its own, out at once."""
    write_line(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    sys.stdout.flush()


def write_line(text: str) -> None:
    """A line of the standard output as it is."""
    sys.stdout.write(f"{text}\n")


def fail(sentence: str, details: Sequence[str] = ()) -> None:
    """An error: one sentence, and a line for each detail."""
    _print_err(Text.assemble(("error ", f"bold {BAD}"), sentence))
    for detail in details:
        _print_err(Text.assemble(("  ", ""), detail))


def note(sentence: str) -> None:
    """Something worth knowing that is no data."""
    _print_err(Text(sentence, style=DIM))


def _print_err(text: Text) -> None:
    """After what was printed so far, also where both go to one file. A terminal gets its lines broken between words."""
    sys.stdout.flush()
    console = err()
    console.print(text, soft_wrap=not console.is_terminal)


def number(count: int, noun: str) -> str:
    """`1 event`, `2 events`, `1,204 events`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def short(id_: str) -> str:
    """The first part of a UUID, for people's eyes."""
    return id_[:8]
