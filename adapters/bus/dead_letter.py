"""Dead letter: a message that its group could not handle, kept for a person to look at and to try again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from limen.adapters.bus.headers import OWN

ERROR_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One parked message. `error` is the class and text of what its handler raised last, `handler` which one it was.

    `attributes` and `data` are the message's own. `place` is where the bus keeps it, of meaning to the intake alone.
    """

    group: str
    handler: str
    error: str
    attempts: int
    parked: str
    attributes: Mapping[str, str]
    data: bytes = field(repr=False)
    place: Any = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """The id of the message."""
        return self.attributes.get("id", "")

    @property
    def headers(self) -> dict[str, str]:
        """The attributes with what is known of the failure, as they are kept."""
        return {
            **self.attributes,
            f"{OWN}group": self.group,
            f"{OWN}handler": self.handler,
            f"{OWN}error": self.error,
            f"{OWN}attempts": str(self.attempts),
            f"{OWN}parked": self.parked,
        }

    @classmethod
    def of(cls, kept: Mapping[str, str], data: bytes, place: Any) -> "DeadLetter":
        """The letter again from `headers`."""
        return cls(
            group=kept.get(f"{OWN}group", ""),
            handler=kept.get(f"{OWN}handler", ""),
            error=kept.get(f"{OWN}error", ""),
            attempts=int(kept.get(f"{OWN}attempts", "0")),
            parked=kept.get(f"{OWN}parked", ""),
            attributes={name: value for name, value in kept.items() if not name.startswith(OWN)},
            data=data,
            place=place,
        )


def told(error: BaseException) -> str:
    """An error in one line that every header can carry: its class and the first line of its text, shortened.

    Further lines are where databases tell the values that were in the way.
    """
    try:
        line = str(error).partition("\n")[0]
    except Exception:
        line = "its text cannot be read"
    text = "".join(character if " " <= character <= "~" else "?" for character in f"{type(error).__name__}: {line}")
    return text[:ERROR_CHARACTERS].rstrip(": ")


def parked_at(now: datetime) -> str:
    """The time as it is kept."""
    return now.isoformat().replace("+00:00", "Z")
