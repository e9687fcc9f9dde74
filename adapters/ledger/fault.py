"""Fault: one thing that is not as it was signed."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

Kind = Literal["changed", "removed", "inserted", "reordered", "truncated", "rewritten", "leaf", "node", "checkpoint"]
"""What was found.

Of events: `changed`, `removed`, `inserted` (below the last checkpoint), `reordered`, `truncated` (removed, with all
that followed). `rewritten`: from this event on neither log nor leaves are what was signed. Of the ledger itself:
`leaf`, `node` and `checkpoint`, the row of a table that is gone or not as it was.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """`position`, `stream` and `version` are those of the event when it was sealed; of an inserted one those it has.

    None where the fault is no event's, or where nothing tells. `detail` says more in words; `index` is the leaf's.
    """

    kind: Kind
    position: int | None = None
    stream: str | None = None
    version: int | None = None
    detail: str = ""
    index: int | None = None

    def body(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "position": self.position,
            "stream": dashed(self.stream),
            "version": self.version,
            "kind": self.kind,
            "detail": self.detail or None,
        }


def dashed(stream: str | None) -> str | None:
    """A stream as everybody writes it, where it is one."""
    try:
        return None if stream is None else str(UUID(stream))
    except ValueError:
        return stream
