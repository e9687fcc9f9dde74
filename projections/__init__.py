"""Read models folded from the log. Nothing here does I/O: the tables they fill are in `limen.adapters.views`."""

from limen.projections.deliveries import DELIVERIES
from limen.projections.flows import FLOWS
from limen.projections.view import Column, View

VIEWS: dict[str, View] = {view.name: view for view in (FLOWS, DELIVERIES)}
"""Every view by its name."""

__all__ = ["DELIVERIES", "FLOWS", "VIEWS", "Column", "View"]
