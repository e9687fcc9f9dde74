"""Search: the flows that match, from the views alone; the log is read only for what the views have not taken in yet.

::

    from limen.adapters.search import Terms, search
    from limen.adapters.views import open_views

    with open_views("sqlite:///limen.db") as views:
        for found in search(views, Terms(action="risk", outcome="interrupt")):
            print(found.body())

Identifiers and addresses are in no event: `holders` and `network` find the hashes that stand for them, with the store's
pepper (`Keys.recall`).
"""

from limen.adapters.search.found import Found
from limen.adapters.search.keyed import Holding, holders, network
from limen.adapters.search.outcomes import ACTION_OUTCOMES, FLOW_OUTCOMES
from limen.adapters.search.search import search
from limen.adapters.search.terms import Terms

__all__ = ["ACTION_OUTCOMES", "FLOW_OUTCOMES", "Found", "Holding", "Terms", "holders", "network", "search"]
