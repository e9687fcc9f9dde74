"""The test kit: time, ids, secrets and mail that a test holds in its hand, and given / when / then.

Nothing here is for production but `MemoryCourier`, which keeps messages where no SMTP server is configured.
"""

from limen.domain.testing.clock import FixedClock
from limen.domain.testing.courier import MemoryCourier
from limen.domain.testing.scenario import Given, When, event, given
from limen.domain.testing.sequences import SequentialIds, SequentialSecrets

__all__ = [
    "FixedClock",
    "Given",
    "MemoryCourier",
    "SequentialIds",
    "SequentialSecrets",
    "When",
    "event",
    "given",
]
