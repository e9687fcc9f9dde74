"""Pages: a house as a browser uses it, whose forms are all there is to go by.

What a performance submits is typed into the form that was shown last, and the one button is pressed that belongs to
it; what is posted are the inputs of the form and that button, in texts. Where the answer of an authenticator goes in,
nothing is pressed: the script submits the form by itself (`HTMLFormElement.submit`, which sends no button).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import UUID

from limen.domain import Engine, FlowView, Outcome
from tests.support.engine import House

ANSWERS = (
    *("webauthn_login", "webauthn_register"),
    *("passkey_login", "passkey_register", "passkey_settings_register"),
)
"""The fields that the script fills."""
BUTTONS = ("submit", "button")


def by_pages(house: House) -> tuple[House, "Pages"]:
    """The same house, for somebody with a browser."""
    pages = Pages(house.engine)
    return replace(house, engine=cast("Engine", pages)), pages


@dataclass
class Pages:
    """Stands in for the engine: every flow is a browser's. `posted` is what came back of its forms."""

    engine: Engine
    seen: dict[UUID, FlowView] = field(default_factory=dict)
    posted: list[dict[str, str]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    async def start(self, kind: str, **options: Any) -> FlowView:
        return self._see(await self.engine.start(kind, **{"type": "browser", **options}))

    async def submit(self, flow_id: UUID, *, method: str | None, values: Mapping[str, Any], **options: Any) -> Outcome:
        """What an adapter does with a form: the field `method`, if it has one, is the method."""
        form = filled(self.seen[flow_id], method, values)
        self.posted.append(dict(form))
        outcome = await self.engine.submit(flow_id, method=form.pop("method", None), values=form, **options)
        self._see(outcome.flow)
        return outcome

    async def resume(self, flow_id: UUID | str, **options: Any) -> Outcome:
        outcome = await self.engine.resume(flow_id, **options)
        self._see(outcome.flow)
        return outcome

    def _see(self, flow: FlowView) -> FlowView:
        self.seen[flow.id] = flow
        return flow


def filled(flow: FlowView, method: str | None, values: Mapping[str, Any]) -> dict[str, str]:
    """What the form posts once `values` are typed in and its button is pressed."""
    inputs = [node.attributes for node in flow.ui.nodes or () if node.type == "input" and not node.attributes.disabled]
    form = {one.name: str(one.value or "") for one in inputs if one.type not in (*BUTTONS, "checkbox")}
    pressed = [(one.name, one.value) for one in inputs if one.type == "submit"]
    typed = dict(_flat(values))
    chosen = [(name, value) for name, value in pressed if name in typed and typed[name] in (value, "True")]
    for name in [name for name in typed if name not in {name for name, _ in chosen}]:
        assert name in form, f"there is nothing to type '{name}' into"
        form[name] = typed[name]
    if not chosen and not any(typed.get(name) for name in ANSWERS):
        chosen = [one for one in pressed if one == ("method", method)]
        assert chosen or form.get("method") == method, f"there is no button for '{method}'"
    assert len(chosen) <= 1, f"one button is pressed at a time, not {chosen}"
    return form | dict(chosen)


def _flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Texts under dotted names, as the inputs are called."""
    flat: list[tuple[str, str]] = []
    for name, value in values.items():
        flat += _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else [(before + name, str(value))]
    return flat
