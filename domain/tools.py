"""Tools: what running an action takes, all of it behind ports."""

from dataclasses import dataclass, field

from limen.domain.gate import Gate
from limen.domain.ports import Asker, Caller, Clock, Ids, Keyring, Secrets
from limen.domain.templating import Templates


@dataclass(frozen=True, slots=True)
class Tools:
    """What running an action takes. `asker` is None where no bus is configured."""

    clock: Clock
    ids: Ids
    secrets: Secrets
    keyring: Keyring
    templates: Templates
    caller: Caller
    asker: Asker | None = None
    gate: Gate = field(default_factory=Gate)

    def chance(self) -> float:
        """A random number in [0, 1), so that many who wait do not come back at once."""
        return int.from_bytes(self.secrets.bytes(4), "big") / 2**32
