"""The bus: what happens in limen, for services that never call it.

For consumers: `ActionRouter` on a FastStream broker or a `MemoryBus`, with handlers that take a typed event, its
`Message` and, with `Once`, a transaction in which their effect comes true exactly once. The relay that publishes is
`limen relay`, or `open_engine(…, bus=URL)`.
"""

from limen.adapters.bus.dead_letter import DeadLetter
from limen.adapters.bus.memory import MemoryBus
from limen.adapters.bus.message import Message
from limen.adapters.bus.once import Once
from limen.adapters.bus.router import ActionRouter
from limen.domain.action import Retry
from limen.domain.errors import GroupDiffers

__all__ = ["ActionRouter", "DeadLetter", "GroupDiffers", "MemoryBus", "Message", "Once", "Retry"]
