"""Document: the canonical form of what was read, without its secrets, and the way back.

Every URI that decides something stands as `base64://` with its content. What `limen.yml` says of actions, its hooks,
triggers and lockout, stand under `/limen`. Secrets are masked; their values are kept apart, by JSON pointer, for the
vault.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from limen.adapters.configuration.draft import MASK, Draft
from limen.adapters.configuration.findings import join, split
from limen.adapters.configuration.hooks import written
from limen.adapters.configuration.uri import encode
from limen.domain.action import ActionSettings

LIMEN = "limen"


def documents(draft: Draft) -> tuple[dict[str, Any], dict[str, Any]]:
    """The masked document, keys sorted, and the real value of every masked place by its pointer."""
    document: dict[str, Any] = copy.deepcopy(dict(draft.document))
    for pointer, text in draft.contents.items():
        _replace(document, pointer, encode(text))
    secrets = {pointer: _replace(document, pointer, mask) for pointer, mask in draft.masks.items()}
    own, masked = _own(draft)
    if own:
        document[LIMEN] = own
        secrets |= {f"/{LIMEN}{pointer}": value for pointer, value in masked.items()}
    canonical: dict[str, Any] = json.loads(json.dumps(document, sort_keys=True))
    return canonical, dict(sorted(secrets.items()))


def _own(draft: Draft) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of `limen.yml` decides, masked, and the real value of every masked place by its pointer."""
    own, secrets = dict[str, Any](), dict[str, Any]()
    settings, triggers = draft.settings, draft.triggers
    if draft.hooks:
        own["hooks"] = [written(slot, action) for slot, action in draft.hooks]
    if triggers.lists:
        own["triggers"] = copy.deepcopy(triggers.written)
        for pointer, text in triggers.contents.items():
            _replace(own, pointer, encode(text))
        secrets |= {pointer: _replace(own, pointer, mask) for pointer, mask in triggers.masks.items()}
    if settings.lockout is not None:
        lockout = settings.lockout
        spans = {"window": lockout.window.total_seconds(), "duration": lockout.duration.total_seconds()}
        own["lockout"] = {"threshold": lockout.threshold, **{name: _span(value) for name, value in spans.items()}}
    if settings.login_after_oidc_registration:
        own["oidc"] = {"login_actions_after_registration": True}
    if settings.actions:
        own["actions"] = {}
        for name, action in settings.actions.items():
            own["actions"][name] = _written(action)
            for position, value in enumerate(action.signing_secrets):
                secrets[join("/actions", name, "signing_secrets", position)] = value
    return own, secrets


def restore(document: Mapping[str, Any], secret_document: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping that `read` accepts again, from a document and the secrets masked in it.

    Read it with an empty environment, so that nothing of today gets into a configuration of the past.
    """
    restored: dict[str, Any] = copy.deepcopy(dict(document))
    for pointer, value in secret_document.items():
        _replace(restored, pointer, value)
    return restored


def _written(settings: ActionSettings) -> dict[str, Any]:
    """The settings of one action as `limen.yml` has them."""
    written: dict[str, Any] = {
        "retry": asdict(settings.retry),
        "signing_secrets": [MASK for _ in settings.signing_secrets],
    }
    for name in ("initial", "maximum"):
        written["retry"][name] = _span(written["retry"][name])
    if "timeout" in settings.given:  # where it is not, a handler's own holds
        written["timeout"] = _span(settings.timeout)
    return written if settings.concurrency is None else {**written, "concurrency": settings.concurrency}


def _span(seconds: float) -> str:
    return f"{round(seconds * 10**6)}us"


def _replace(document: dict[str, Any], pointer: str, value: Any) -> Any:
    """Puts `value` at `pointer`, and gives what stood there."""
    *way, last = split(pointer)
    node: Any = document
    for key in way:
        node = node[int(key)] if isinstance(node, list) else node[key]
    index: Any = int(last) if isinstance(node, list) else last
    old, node[index] = node[index], value
    return old
