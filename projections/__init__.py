"""Read models folded from the log. Nothing here does I/O: the tables they fill are in `limen.adapters.views`."""

from limen.projections.actions import ACTIONS
from limen.projections.deliveries import DELIVERIES
from limen.projections.flows import FLOWS
from limen.projections.identities import IDENTITIES
from limen.projections.origins import ORIGINS
from limen.projections.parties import PARTIES
from limen.projections.sessions import SESSIONS
from limen.projections.verdicts import VERDICTS
from limen.projections.view import AnyView, Column, View

VIEWS: dict[str, AnyView] = {
    view.name: view for view in (FLOWS, DELIVERIES, IDENTITIES, SESSIONS, ACTIONS, PARTIES, ORIGINS, VERDICTS)
}
"""Every view by its name."""

__all__ = [
    "ACTIONS",
    "DELIVERIES",
    "FLOWS",
    "IDENTITIES",
    "ORIGINS",
    "PARTIES",
    "SESSIONS",
    "VERDICTS",
    "VIEWS",
    "AnyView",
    "Column",
    "View",
]
