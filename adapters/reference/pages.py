"""All generated pages, by their path; writing them, and finding where what is committed differs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from limen.adapters.reference.actions import actions_page
from limen.adapters.reference.bus import bus_documents, bus_page
from limen.adapters.reference.commands import commands_page
from limen.adapters.reference.events import event_schemas, events_page
from limen.adapters.reference.exports import exports_page
from limen.adapters.reference.matrix import matrix_page
from limen.adapters.reference.states import states_page

SCHEMAS, BUS = "events", "bus"
"""The folders of the schemas: whatever else lies in them is left over from an event that is gone."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A page that is not as the code would write it."""

    path: Path
    what: Literal["missing", "different", "left over"]


def pages(root: Any) -> Mapping[str, str]:
    """Every generated page: its path below `docs/reference`, and its text. `root` is the command line's root."""
    schemas = {f"{SCHEMAS}/{name}.json": text for name, text in event_schemas().items()}
    documents = {f"{BUS}/{name}": text for name, text in bus_documents().items()}
    return {
        "events.md": events_page(),
        "states.md": states_page(),
        "actions.md": actions_page(),
        "matrix.md": matrix_page(),
        "commands.md": commands_page(root),
        "bus.md": bus_page(),
        "exports.md": exports_page(),
        **schemas,
        **documents,
    }


def build(folder: Path, root: Any) -> int:
    """Writes the pages that differ, removes schemas of events that are gone; says how many files changed."""
    drifts = compare(folder, root)
    wanted = pages(root)
    for drift in drifts:
        if drift.what == "left over":
            drift.path.unlink()
            continue
        drift.path.parent.mkdir(parents=True, exist_ok=True)
        drift.path.write_text(wanted[str(drift.path.relative_to(folder).as_posix())], encoding="utf-8")
    return len(drifts)


def compare(folder: Path, root: Any) -> list[Drift]:
    """What differs between the folder and the code; empty when nothing does."""
    wanted = pages(root)
    drifts = []
    for name, text in wanted.items():
        path = folder / name
        if not path.is_file():
            drifts.append(Drift(path, "missing"))
        elif path.read_text(encoding="utf-8") != text:
            drifts.append(Drift(path, "different"))
    known = {folder / name for name in wanted}
    there = [path for one in (SCHEMAS, BUS) for path in sorted((folder / one).glob("*.json"))]
    drifts += [Drift(path, "left over") for path in there if path not in known]
    return drifts
