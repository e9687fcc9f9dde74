"""The buttons of OpenID providers in forms."""

from collections.abc import Iterator, Mapping
from typing import Any

from limen.domain.linking import LINKING
from limen.domain.ui import nodes, oidc_messages
from limen.domain.ui.nodes import Node
from limen.domain.ui.view import FormView

COMPLETING = "completing"
"""What a registration's form keeps when a provider has told who it is, and traits are still to be filled in: its id."""


def providers(view: FormView) -> Iterator[tuple[str, str]]:
    """The id and the label of each provider that is configured, in order."""
    if view.method("oidc").enabled:
        for one in view.method("oidc").config.get("providers", ()):
            yield one["id"], one.get("label") or one["id"]


def linking(view: FormView) -> Mapping[str, Any]:
    """In a login that is to prove an account: the provider to be linked, and the account's identifier."""
    kept = view.values.get(LINKING)
    return kept if isinstance(kept, Mapping) else {}


def completing(view: FormView) -> str | None:
    """In a registration that a provider has spoken for already: its id."""
    kept = view.values.get(COMPLETING)
    return kept if isinstance(kept, str) and view.method("oidc").enabled else None


def sign_in(view: FormView) -> list[Node]:
    """One for each way in: not the one that is to be linked, and of who is signed in those that are theirs."""
    waiting = linking(view).get("provider")
    if waiting is not None:
        shown = [(id_, label) for id_, label in providers(view) if id_ != waiting]
        return [nodes.submit("provider", id_, "oidc", oidc_messages.confirm_with(label)) for id_, label in shown]
    offered = [one for one in providers(view) if not view.refresh or one[0] in view.linked]
    return [nodes.submit("provider", id_, "oidc", oidc_messages.sign_in(label, id_)) for id_, label in offered]


def sign_up(view: FormView) -> list[Node]:
    """One for each; or the one that has spoken already, to go on with."""
    spoken = completing(view)
    if spoken is not None:
        return [nodes.submit("provider", spoken, "oidc", oidc_messages.complete())]
    return [nodes.submit("provider", id_, "oidc", oidc_messages.sign_up(label, id_)) for id_, label in providers(view)]


def kept(view: FormView) -> list[Node]:
    """In settings: those that are linked, and can be given up, to be unlinked; the others to be linked."""
    listed = list(providers(view))
    theirs = [(id_, label) for id_, label in listed if id_ in view.linked]
    others = [(id_, label) for id_, label in listed if id_ not in view.linked]
    spared = theirs if view.unlinkable or len(theirs) > 1 else []
    return [
        *(nodes.submit("unlink", id_, "oidc", oidc_messages.unlink(label)) for id_, label in spared),
        *(nodes.submit("link", id_, "oidc", oidc_messages.link(label)) for id_, label in others),
    ]
