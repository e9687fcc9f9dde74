"""Publishers: one for each kind of bus."""

from limen.adapters.bus.publishers.opening import publisher_of
from limen.adapters.bus.publishers.publisher import Order, Publisher, PublishFailed

__all__ = ["Order", "PublishFailed", "Publisher", "publisher_of"]
