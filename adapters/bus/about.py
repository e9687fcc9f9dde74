"""About: which flow, method and configuration an event belongs to, whatever stream it stands in.

Only the first event of a flow says of which kind the flow is, and only the first of a delivery to which flow it
belongs. The relay reads the log in order, so it remembers that of the streams it has just seen, and reads a stream
again where it does not: what is said of an event does not depend on where a relay began.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

Fields = Mapping[str, Any]
History = Callable[[str], Iterable[tuple[int, str, Fields]]]
"""A stream's events by its id: version, type and fields of each, in order."""

REMEMBERED = 8192
"""Streams known at a time, some 500 bytes each."""

_METHOD = (
    "MethodSubmitted",
    "MethodAccepted",
    "MethodRefused",
    "SecretsShown",
    "FormAdvanced",
    "FlowRedirected",
    "FlowTurned",
    "ChallengeSent",
    "FlowOpenedChallenged",
    "FlowCompleted",
)
"""The events of a flow that say which method is under way."""

_PHASE = {
    "FlowInitiated": "before",
    "FlowOpened": "before",
    "FlowRejected": "before",
    "FlowCompleted": "after",
}


@dataclass(frozen=True, slots=True)
class About:
    """What an event is about; None is what does not apply.

    `kind` is the flow's (`login`), `flow` its id, `flow_type` `api` or `browser`; `configuration` the version the flow
    is pinned to; `phase` `before` or `after` where the event belongs to one. `channel`, `hook` and `action` are those
    of a delivery. `trigger` is what the target of an action or delivery deduplicates by, `refresh` and `requested_aal`
    what a login was asked for, `provider` the OpenID provider its user was sent to last. Of sessions and identities it
    is what the flow says that changed them.
    """

    kind: str | None = None
    method: str | None = None
    configuration: str | None = None
    phase: str | None = None
    flow: str | None = None
    flow_type: str | None = None
    identity: str | None = None
    channel: str | None = None
    hook: str | None = None
    action: str | None = None
    trigger: str | None = None
    refresh: bool | None = None
    requested_aal: str | None = None
    provider: str | None = None


class Abouts:
    """Follows a log, event by event, and says what each is about."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: OrderedDict[str, tuple[int, About]] = OrderedDict()

    def of(self, stream: str, kind: str, version: int, type: str, fields: Fields) -> About:
        """What this event of a stream of that kind is about; events are to be asked for in the order of the log."""
        match kind:
            case "flow":
                return self._flow(stream, version, type, fields)
            case "delivery":
                return self._delivery(stream, version, type, fields)
            case "configuration":
                return About(configuration=stream)
            case "identity":
                return replace(self._flow_named(fields.get("flow_id")), identity=stream)
            case _:
                return self._other(stream, version, fields)

    def _flow(self, stream: str, version: int, type: str, fields: Fields) -> About:
        about = _after(self._before(stream, version), stream, type, fields)
        self._remember(stream, version, about)
        action = fields.get("action")
        if isinstance(action, Mapping):
            return replace(about, phase=action["phase"], hook=action["hook"], action=action["id"])
        return replace(about, phase=_PHASE.get(type) or fields.get("phase"))

    def _delivery(self, stream: str, version: int, type: str, fields: Fields) -> About:
        known = self._known.get(stream)
        if type == "DeliveryScheduled":
            about = self._scheduled(fields)
        elif known is not None:
            about = known[1]
        else:
            scheduled = next((fields for _, name, fields in self._history(stream) if name == "DeliveryScheduled"), None)
            about = About() if scheduled is None else self._scheduled(scheduled)
        self._remember(stream, version, about)
        return about

    def _scheduled(self, fields: Fields) -> About:
        of_flow = self._flow_named(fields["flow_id"])
        return About(
            kind=of_flow.kind,
            method=fields.get("method"),
            configuration=fields["configuration"],
            phase=fields["phase"] or None,
            flow=fields["flow_id"],
            flow_type=of_flow.flow_type,
            identity=fields.get("identity_id"),
            channel=fields["channel"],
            hook=fields["hook"],
            action=fields["action"],
            trigger=fields["trigger_id"],
        )

    def _other(self, stream: str, version: int, fields: Fields) -> About:
        """A session: whose it is stands in its first event. A reservation: whose it is stands in each."""
        about = self._flow_named(fields.get("flow_id"))
        identity = fields.get("identity_id")
        if identity is None:
            known = self._known.get(stream)
            first = (
                known[1].identity
                if known
                else next((first.get("identity_id") for _, _, first in self._history(stream)), None)
            )
            identity = first
        self._remember(stream, version, About(identity=identity))
        return replace(about, identity=identity)

    # -- flows, as they are known

    def _before(self, stream: str, version: int) -> About:
        """What was known of a flow before that version."""
        known = self._known.get(stream)
        if version == 1:
            return About()
        if known is not None and known[0] == version - 1:
            return known[1]
        about = About()
        for at, name, fields in self._history(stream):
            if at < version:
                about = _after(about, stream, name, fields)
        return about

    def _flow_named(self, flow: Any) -> About:
        """The flow that an event of another stream names, as it is."""
        if not isinstance(flow, str):
            return About()
        known = self._known.get(flow)
        if known is None:
            about, version = About(), 0
            for version, name, fields in self._history(flow):  # noqa: B007 - the last version is what is remembered
                about = _after(about, flow, name, fields)
            known = (version, about)
            self._remember(flow, *known)
        return known[1]

    def _remember(self, stream: str, version: int, about: About) -> None:
        self._known[stream] = (version, about)
        self._known.move_to_end(stream)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _after(about: About, stream: str, type: str, fields: Fields) -> About:
    """What is known of a flow after one more of its events."""
    if type == "FlowInitiated":
        return About(
            kind=fields["kind"],
            configuration=fields["configuration"],
            flow=stream,
            flow_type=fields["type"],
            identity=fields.get("identity_id"),
            refresh=fields["refresh"],
            requested_aal=fields["requested_aal"],
        )
    if type == "ActionStarted":
        return replace(about, trigger=fields["trigger_id"])
    identity = fields.get("identity_id")
    if type == "FlowRedirected":
        about = replace(about, provider=fields.get("provider"))
    if type in _METHOD:
        return replace(about, method=fields["method"], identity=identity or about.identity)
    return about if identity is None else replace(about, identity=identity)
