"""Publishers: one for each kind of bus."""

from limen.adapters.bus.publishers.opening import publisher_of
from limen.adapters.bus.publishers.publisher import Publisher, PublishFailed

__all__ = ["PublishFailed", "Publisher", "publisher_of"]
