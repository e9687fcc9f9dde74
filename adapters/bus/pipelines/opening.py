"""Which pipeline a publisher takes."""

from collections.abc import Callable
from typing import Final

from limen.adapters.bus.pipelines.batches import Batches
from limen.adapters.bus.pipelines.lanes import Lanes
from limen.adapters.bus.pipelines.pipeline import Pipeline
from limen.adapters.bus.pipelines.procession import Procession
from limen.adapters.bus.publisher import Publisher

_BY_ORDER: Final[dict[str, type[Pipeline]]] = {"stream": Lanes, "log": Procession, "batch": Batches}


def pipeline_for(
    publisher: Publisher, *, confirmed: Callable[[int], None], troubled: Callable[[BaseException | None], None]
) -> Pipeline:
    """The pipeline of the order that a publisher keeps now."""
    return _BY_ORDER[publisher.order](publisher, confirmed=confirmed, troubled=troubled)
