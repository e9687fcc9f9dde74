"""Shape: the little language in which the table of keys is written.

A dict is an object with exactly these keys (a key that ends in `!` must be there); the other markers are below.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Kind = str
"""`text`, `bool`, `int`, `number`, `duration`, `size`, `uri`, `reference`, `web_url`, `hook_url`, `email`, `anything`,
`hooks`."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value. `low` and `high` bound a number, or the length of a text; `among` are all it may be."""

    kind: Kind
    low: int | None = None
    high: int | None = None
    among: tuple[Any, ...] = ()
    pattern: str | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Many:
    """A list of values of one shape."""

    of: "Shape"
    least: int = 0
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """An object whose keys are free and whose values have one shape."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class Later:
    """Checked like any other, and listed as ignored, unless its value asks for nothing that limen does not do."""

    of: "Shape"
    silent: Callable[[Any], bool] = lambda _: False


Shape = Leaf | Many | Named | Later | Mapping[str, Any]

TEXT = Leaf("text")
BOOL = Leaf("bool")
INT = Leaf("int")
NUMBER = Leaf("number")
DURATION = Leaf("duration")
SIZE = Leaf("size")
URI = Leaf("uri")
REFERENCE = Leaf("reference")
SECRET = Leaf("text", secret=True)
SECRET_URI = Leaf("uri", secret=True)
ANYTHING = Leaf("anything")
HOOKS = Leaf("hooks")


def one_of(*values: str) -> Leaf:
    """One of these words."""
    return Leaf("text", among=values)


def unless(*values: Any) -> Callable[[Any], bool]:
    """Silent for these values: they ask for what limen does anyway."""
    return lambda value: any(value is wanted or value == wanted for wanted in values)


def unless_enabled(value: Any) -> bool:
    """Silent unless switched on."""
    return not (isinstance(value, Mapping) and value.get("enabled") is True)
