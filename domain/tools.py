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
