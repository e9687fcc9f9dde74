"""Means: what is at hand to decide one turn again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from limen.domain.action import Action
from limen.domain.rules import Rules
from limen.domain.simulation.bodies import Bodies, Body, Context
from limen.domain.simulation.contexts import Contexts
from limen.domain.simulation.differences import Names, changes
from limen.domain.simulation.pairing import Pair, Pairing, template_of
from limen.domain.simulation.records import Live, Records, Sent
from limen.domain.simulation.turn import DELIVERED, Act, Place, Turn, place


@dataclass(frozen=True, slots=True)
class Means:
    """The new rules, the turn, the two plans side by side, the records, and what renders bodies.

    `modifies`: whether an answer may change the identity in it. `given`: whether the application's handlers are at
    hand, so that one that is missing is missing.
    """

    rules: Rules
    turn: Turn
    pairing: Pairing
    records: Records
    bodies: Bodies
    contexts: Contexts
    live: Live | None = None
    modifies: bool = False
    given: bool = False
    _sent: list[Mapping[Place, Sent]] = field(default_factory=list)

    def act(self, pair: Pair) -> Act | None:
        """What the recorded action of a pair did, if it got that far."""
        return self.turn.act(pair.old) if pair.old is not None else None

    def action_of(self, act: Act) -> Action | None:
        """A recorded act's action as its configuration had it."""
        one = next((one for one in self.turn.planned if place(one) == place(act.ref)), None)
        return self.pairing.old.get(one.source) if one is not None else None

    async def sent(self, pair: Pair) -> Sent | None:
        """What the recorded action of a pair sent after the commit."""
        if pair.old is None or pair.old.timing not in DELIVERED:
            return None
        if not self._sent:
            self._sent.append(await self.records.sent(self.turn))
        return self._sent[0].get(place(pair.old))

    async def recorded(self, pair: Pair) -> str | None:
        """What came of the recorded action of a pair; None where it did not run."""
        act, sent = self.act(pair), await self.sent(pair)
        if act is not None:
            return act.verdict
        if sent is not None:
            return sent.state
        return self.turn.with_commit.get(place(pair.old)) if pair.old is not None else None

    async def digest(self, body: bytes) -> str | None:
        """The keyed digest of a body, as the flow's events have it."""
        return await self.records.digest(self.turn.flow, body)

    async def compared(self, pair: Pair, body: Body, ctx: Context | None) -> dict[str, Any]:
        """The places where a request differs from the recorded one, which was rendered in `ctx`: `changed`.

        Those around the body by their names, those within it as JSON pointers; with the bodies, `old` and `new`, where
        both are to be had.
        """
        assert pair.planned.action is not None
        around = _around(pair.before, pair.planned.action)
        if pair.before is None or body.data is None:
            return {"changed": around}
        old = await self.bodies.of(pair.before, ctx)
        if old.data is None or old.data == body.data:
            return {"changed": around}
        names = Names((template_of(pair.before), template_of(pair.planned.action)), ctx)
        within, before, after = changes(old.data, body.data, names)
        return {"changed": (*around, *within), "old": before, "new": after}


def _around(before: Action | None, now: Action) -> tuple[str, ...]:
    """What differs of a request besides its body."""
    if before is None:
        return ()
    if before.bus is not None and now.bus is not None:
        return ("subject",) if before.bus.subject != now.bus.subject else ()
    old, new = before.web_hook, now.web_hook
    if old is None or new is None:
        return ()
    found = [name for name in ("url", "method") if getattr(old, name) != getattr(new, name)]
    signed = before.settings.signing_secrets, now.settings.signing_secrets
    if (dict(old.headers), old.auth) != (dict(new.headers), new.auth) or signed[0] != signed[1]:
        found.append("headers")
    return tuple(found)
