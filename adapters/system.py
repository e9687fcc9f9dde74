"""The operating system behind the ports for time, ids and randomness: nothing else in limen asks it for them."""

import asyncio
import secrets
from datetime import UTC, datetime
from uuid import UUID, uuid4


class SystemClock:
    """Implements the `Clock` port by the system's clock."""

    def now(self) -> datetime:
        """The present, UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleeps in the running event loop; a number that is not positive gives way to others once."""
        await asyncio.sleep(max(0.0, seconds))


class SystemIds:
    """Implements the `Ids` port by the system's random source."""

    def new(self) -> UUID:
        """A random UUID of version 4 (RFC 9562)."""
        return uuid4()


class SystemSecrets:
    """Implements the `Secrets` port by the system's random source."""

    def bytes(self, count: int) -> bytes:
        """`count` random bytes."""
        return secrets.token_bytes(count)

    def digits(self, count: int) -> str:
        """A code of `count` digits, each code equally likely, leading zeros kept."""
        return str(secrets.randbelow(10**count)).zfill(count)
