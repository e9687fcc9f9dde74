"""Terms: what an export was made of, kept beside it as `NAME.export.json`, so that a later run can go on with it."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from limen.domain.errors import ExportRefused


@dataclass(frozen=True, slots=True)
class Terms:
    """The options that every run of an export must share. `id` is the stream of its disclosures; None without any."""

    format: str
    since: datetime | None
    after: int
    id: UUID | None

    def body(self) -> dict[str, Any]:
        """As it is kept."""
        since = None if self.since is None else self.since.isoformat()
        id_ = None if self.id is None else str(self.id)
        return {"format": self.format, "since": since, "after": self.after, "personal": self.id is not None, "id": id_}

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Terms":
        """The terms again from `body()`. Raises ValueError, KeyError or TypeError for anything else."""
        since, id_ = body["since"], body["id"]
        return cls(
            str(body["format"]),
            None if since is None else datetime.fromisoformat(since),
            int(body["after"]),
            None if id_ is None else UUID(id_),
        )

    def options(self) -> dict[str, Any]:
        """What must be the same, by the name of the option."""
        return {
            "--format": self.format,
            "--since": None if self.since is None else self.since.astimezone(UTC).isoformat(),
            "--after": self.after or None,
            "--personal": self.id is not None,
        }


def beside(output: Path) -> Path:
    """Where the terms of an export are kept."""
    return output.with_name(f"{output.name}.export.json")


def agree(output: Path, wanted: Terms, *, begun: bool) -> Terms:
    """The terms of the export at `output`, which are kept from now on if it is new. `begun`: there is something of it.

    Raises `ExportRefused` where it was made with other options, or not by an export.
    """
    place = beside(output)
    try:
        kept = Terms.of(json.loads(place.read_text(encoding="utf-8")))
    except FileNotFoundError:
        if begun:
            raise ExportRefused(f"{output} is there and was not exported by limen: name another file") from None
        _write(place, wanted)
        return wanted
    except (ValueError, KeyError, TypeError):
        raise ExportRefused(f"{place} cannot be read: delete it together with {output}, or name another file") from None
    ours, theirs = wanted.options(), kept.options()
    if differing := [name for name in ours if ours[name] != theirs[name]]:
        told = ", ".join(f"{name} was {_shown(theirs[name])}" for name in differing)
        raise ExportRefused(f"{output} was exported with other options ({told}): give the same, or name another file")
    return kept


def _shown(value: Any) -> str:
    return {None: "not given", True: "given", False: "not given"}.get(value, str(value))


def _write(place: Path, terms: Terms) -> None:
    """Whole or not at all, whenever the process ends."""
    draft = place.with_name(f"{place.name}.tmp")
    with draft.open("w", encoding="utf-8") as file:
        file.write(json.dumps(terms.body(), indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(place)
    sync_folder(place.parent)


def sync_folder(folder: Path) -> None:
    """Makes a new name in a folder durable, where the system can do that."""
    if os.name != "posix":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
