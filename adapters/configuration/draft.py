"""Draft: one file while it is read, with everything found on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from limen.adapters.configuration.findings import Findings
from limen.adapters.configuration.uri import Content
from limen.domain.action import Action
from limen.domain.configuration import Settings, Slot

MASK = "***"
Placed = tuple[Slot, Action]
"""A hook over the bus, and where it stands."""


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """A template to be compiled: the pointer of its `body`, its name, and its Jsonnet source.

    `settings`: it stands in `limen.yml`. `mapper`: it maps what a provider says.
    """

    pointer: str
    name: str
    source: str = field(repr=False)
    settings: bool = False
    mapper: bool = False


@dataclass(frozen=True, slots=True)
class ReadTriggers:
    """The triggers of `limen.yml`: their lists by slot, and what the file says of them, for the document.

    `masks` and `contents` are by pointers into that file.
    """

    lists: Mapping[Slot, tuple[Action, ...]] = field(default_factory=dict)
    written: Any = field(default=None, repr=False)
    masks: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict, repr=False)
    templates: tuple[TemplateSource, ...] = field(default=(), repr=False)


@dataclass(slots=True)
class Draft:
    """What the parts of the reading share.

    `masks` is what stands in the document in place of each secret, by pointer; `contents` is what each URI gave.
    `settings`, `hooks` and `triggers` are limen's own file, read already.
    """

    document: Mapping[str, Any]
    content: Content
    settings: Settings = field(default_factory=Settings)
    hooks: tuple[Placed, ...] = ()
    triggers: ReadTriggers = field(default_factory=ReadTriggers)
    named: Mapping[str, Sequence[str]] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    masks: dict[str, str] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    templates: list[TemplateSource] = field(default_factory=list)

    def mask(self, pointer: str, value: Any) -> None:
        """Keeps the value at `pointer` out of the document."""
        self.masks[pointer] = masked_url(value) if isinstance(value, str) and "://" in value else MASK


def masked_url(url: str) -> str:
    """A URL without its user, password and query: `https://***@example.org/hook?***`; unchanged without any."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASK
    if parts.scheme not in ("http", "https"):
        return MASK
    netloc = f"{MASK}@{host}" if "@" in parts.netloc else host
    return urlunsplit((parts.scheme, netloc, parts.path, MASK if parts.query else "", MASK if parts.fragment else ""))
