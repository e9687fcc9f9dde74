"""The ledger: a Merkle tree over the log, its signed checkpoints, verification and proofs.

Nothing in the log is changed by it: it stands in tables of its own beside it, and follows the log like a view.
"""

from limen.adapters.ledger.ledger import Ledger
from limen.adapters.ledger.opening import open_ledger

__all__ = ["Ledger", "open_ledger"]
