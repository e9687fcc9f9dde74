"""Where the views of `limen.projections` are kept: tables beside the log, each with its own position in it."""

from limen.adapters.views.opening import open_views
from limen.adapters.views.views import Status, Views

__all__ = ["Status", "Views", "open_views"]
