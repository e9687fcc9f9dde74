"""A courier that keeps what it is given."""

from uuid import UUID

from limen.domain.ports import Mail


class MemoryCourier:
    """Implements the `Courier` port in memory: for tests, and where no SMTP server is configured.

    `messages` are all that were handed over, in order. A message handed over twice stands there twice, so that a test
    sees it; `ids` has the ids in the same order.
    """

    local = True

    def __init__(self) -> None:
        self.messages: list[Mail] = []
        self.ids: list[UUID] = []

    async def send(self, mail: Mail, *, id: UUID) -> None:
        """Keeps the message. Never fails."""
        self.messages.append(mail)
        self.ids.append(id)
