"""Implied method: forms whose buttons say what is wanted without naming the method (Kratos).

In two-step registration "back" is a `screen`, whatever method the rest of the form names; a second factor's code is
asked for by `address=…`; in recovery and verification whoever brings a `code` or a `token` has said enough.
"""

from collections.abc import Callable, Mapping
from typing import Any

from limen.domain.configuration import FlowKind

_OUTRANKS: Mapping[FlowKind, Mapping[str, str]] = {FlowKind.REGISTRATION: {"screen": "profile"}}
"""Field → method, by flow, where the method is offered: the form around the button may name another one."""

_PROOFS = {"code": "code", "token": "link"}
_IMPLIED: Mapping[FlowKind, Mapping[str, str]] = {
    FlowKind.LOGIN: {"address": "code"},
    FlowKind.RECOVERY: _PROOFS,
    FlowKind.VERIFICATION: _PROOFS,
}
"""Field → method, by flow, for a submission that names none."""


def method_of(
    kind: FlowKind, method: str | None, values: Mapping[str, Any], offered: Callable[[str], bool]
) -> str | None:
    """The method a submission is for: the one it names, or the one its fields imply; None where nothing does."""
    for field, implied in _OUTRANKS.get(kind, {}).items():
        if values.get(field) and offered(implied):
            return implied
    if method is not None:
        return method
    return next((implied for field, implied in _IMPLIED.get(kind, {}).items() if values.get(field)), None)
