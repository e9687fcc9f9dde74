"""The outcomes one can ask for: of a flow, or of an action in it."""

from collections.abc import Mapping, Sequence

from limen.domain.machine import DELIVERY, FLOWS
from limen.projections.verdicts import CANCELED, FAILED

_STATES = dict.fromkeys(state for table in FLOWS.values() for state in table.states)
_ENDS = dict.fromkeys(state for table in FLOWS.values() for state in table.ends)

FLOW_OUTCOMES: Mapping[str, tuple[str, str | int]] = {
    **{end: ("state", end) for end in _ENDS},
    "refused": ("refused", 1),
    "interrupted": ("interrupted", 1),
    **{state: ("state", state) for state in _STATES if state not in _ENDS},
}
"""Column and value of the view of flows. A flow has one state; it may have been refused and interrupted besides."""

ACTION_OUTCOMES: Mapping[str, tuple[str | None, str | None]] = {
    **{verdict: (verdict, None) for verdict in ("continue", "modify", "interrupt", "ignored")},
    "failed": (FAILED, None),
    "canceled": (CANCELED, "canceled"),
    **{state: (None, state) for state in DELIVERY.states if state != "canceled"},
}
"""Verdict of an action that the flow waited for, and state of one that was delivered, that each word stands for."""

SYNONYMS = {FAILED: "failed", CANCELED: "canceled"}
"""The same words as `limen flow show` has them."""


def of_action(word: str) -> tuple[str | None, str | None]:
    """Verdict and state of a delivery. Raises `ValueError` for an unknown word."""
    return ACTION_OUTCOMES[_known(SYNONYMS.get(word, word), tuple(ACTION_OUTCOMES), "an action's outcome")]


def of_flow(word: str) -> tuple[str, str | int]:
    """Column and value. Raises `ValueError` for an unknown word."""
    return FLOW_OUTCOMES[_known(word, tuple(FLOW_OUTCOMES), "a flow's outcome")]


def _known(word: str, words: Sequence[str], what: str) -> str:
    if word not in words:
        raise ValueError(f"there is no outcome '{word}'; {what} is one of {', '.join(words)}")
    return word
