"""The actions of a flow, in the order they came to an end: from its own events and from those of its deliveries.

Works on events as the log shows them: mappings with `position`, `stream`, `type`, `time` and `data`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Entry = Mapping[str, Any]

_ENDS = {
    "ActionAnswered": None,
    "ActionFailed": "fail",
    "ActionCanceled": "cancel",
    "DeliveryDelivered": None,
    "DeliveryAttempted": "fail",
    "DeliveryParked": "fail",
    "DeliveryCanceled": "cancel",
}
"""The events an attempt ends by, and the verdict of those that carry none."""


def actions_of(flow: Iterable[Entry], deliveries: Iterable[Entry] = ()) -> list[dict[str, Any]]:
    """One entry an attempt: `hook`, `id`, `phase`, `method`, `verdict`, `status`, `duration_ms`, and more beside.

    `request_digest` and `response_digest` are keyed by the flow. `source` is the place in the list that chose it (a
    JSON pointer, or `python:` and a handler's id), `configuration` the version that the list is of, and `rule` says
    whether it is the `default` list or that of the `method`, for hooks over the bus and Python handlers among their
    own; None where an older limen did not record it. What tells of a failed login says both in its delivery.

    An attempt that left and was never heard of again, and a delivery nobody has tried yet, have no verdict. Messages
    to people are no actions and are left out.
    """
    telling = _Telling()
    for event in sorted([*flow, *deliveries], key=lambda entry: int(entry["position"])):
        telling.hear(event)
    return telling.found


class _Telling:
    """What is known of plans, attempts and deliveries that have been heard of so far."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._plans: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._begun: dict[tuple[str, int], dict[str, Any]] = {}
        self._scheduled: dict[str, Entry] = {}
        self._untried: dict[str, dict[str, Any]] = {}

    def hear(self, event: Entry) -> None:
        """Takes the next event in."""
        kind, data, stream = event["type"], event["data"], event["stream"]
        if kind == "ActionsPlanned":
            self._plans.update((_place(one), _choice(one, data)) for one in data["actions"])
        elif kind == "ActionStarted":
            entry = self._entry(event, data["action"])
            self._begun[entry["id"], entry["attempt"]] = entry
            self.found.append(entry)
        elif kind == "DeliveryScheduled" and data["channel"] != "message":
            self._scheduled[stream] = {**data, "id": data["action"]}
            self._untried[stream] = self._entry(event, self._scheduled[stream], stream)
            self.found.append(self._untried[stream])
        elif kind in _ENDS and (stream in self._scheduled or "action" in data):
            self._end(event)

    def _end(self, event: Entry) -> None:
        scheduled = self._scheduled.get(event["stream"])
        if scheduled is not None:
            entry = self._entry(event, scheduled, event["stream"])
            earlier = self._untried.pop(event["stream"], None)
        else:
            entry = self._entry(event, event["data"]["action"])
            earlier = self._begun.pop((entry["id"], entry["attempt"]), None)
        if earlier is not None:
            entry["request_digest"] = earlier["request_digest"]
            self.found.remove(earlier)
        self.found.append(entry)

    def _entry(self, event: Entry, about: Mapping[str, Any], delivery: str | None = None) -> dict[str, Any]:
        data = event["data"]
        ended = event["type"] in _ENDS
        chosen = self._plans.get(_place(about), _UNKNOWN)
        return {
            "hook": about["hook"],
            "id": about["id"],
            "phase": about["phase"],
            "method": about["method"],
            "verdict": (_ENDS[event["type"]] or data["verdict"]) if ended else None,
            "status": data.get("status"),
            "duration_ms": data.get("duration"),
            "attempt": data.get("attempt", 1 if delivery is None else 0),
            "reason": data.get("reason"),
            "detail": data.get("detail") or None,
            "modified": list(data.get("modified") or ()),
            "delivery": delivery,
            "awaited": about.get("awaited"),
            "rule": chosen["rule"] or about.get("rule"),
            "source": chosen["source"] or about.get("source"),
            "configuration": chosen["configuration"] or about.get("configuration"),
            "request_digest": data.get("request_digest") or about.get("request_digest"),
            "response_digest": data.get("response_digest"),
            "time": event["time"],
            "position": event["position"],
        }


_UNKNOWN: Mapping[str, Any] = {"rule": None, "source": None, "configuration": None}


def _place(about: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(about.get(name) for name in ("hook", "id", "position", "phase", "method"))


def _choice(planned: Mapping[str, Any], plan: Mapping[str, Any]) -> dict[str, Any]:
    return {"rule": planned["rule"], "source": planned["source"], "configuration": plan["configuration"]}
