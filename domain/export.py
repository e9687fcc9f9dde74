"""Export: personal data was taken out of the record, by whom it may be asked later: when, what, and why.

Who runs an export has the master key, and what they do with what they read nobody here can see; so that they did is
recorded before the first byte is written.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from limen.domain.aggregate import Aggregate
from limen.domain.event import DomainEvent

REASON_LENGTH = 200
"""Characters of a reason, at most."""


class PersonalDataExported(DomainEvent):
    """Sealed fields were opened for an export. It held events above position `after`, up to `through` at most.

    `since` and `until` are the instants it was limited to, `reason` is what the operator gave, in clear. An export that
    is gone on with is another event of the same stream.
    """

    stream: ClassVar[str] = "export"

    format: str
    since: datetime | None = None
    until: datetime | None = None
    after: int
    through: int
    reason: str = ""


class Export(Aggregate):
    """One export of personal data: a file, or what one run wrote to its standard output."""

    stream: ClassVar[str] = "export"

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.format = ""
        self.through = 0
        self.runs = 0

    def apply(self, event: DomainEvent) -> None:
        """Copies what the event says."""
        if isinstance(event, PersonalDataExported):
            self.format, self.through = event.format, event.through
            self.runs += 1
