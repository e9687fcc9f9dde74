"""What holds for every method in every flow it belongs to."""

from typing import Any

import pytest

from limen.adapters.sink import Reply
from limen.domain import Outcome
from tests.support.engine import House, hook, messages, open_house, parse
from tests.support.performing import PERFORMANCES, sections

NAMES = [f"{kind}-{method}" for kind, method in PERFORMANCES]
STRENGTHENS = ("totp", "lookup_secret", "second_code", "webauthn")
"""Second factors: the session that was there is the one that has shown more (Kratos)."""


def again(house: House) -> list[Outcome]:
    """From now on whatever an action refused is submitted once more, just as it was; gives the refusals."""
    engine: Any = house.engine
    refused: list[Outcome] = []

    def insisting(call: Any) -> Any:
        async def insist(*args: Any, **options: Any) -> Outcome:
            outcome: Outcome = await call(*args, **options)
            if 77 not in [message.id for message in outcome.flow.messages]:
                return outcome
            refused.append(outcome)
            second: Outcome = await call(*args, **options)
            return second

        return insist

    engine.submit, engine.resume = insisting(engine.submit), insisting(engine.resume)
    return refused


@pytest.mark.parametrize("name", NAMES)
async def test_an_action_that_refuses_spends_nothing(name: str) -> None:
    """The same code, link or key counts when it is given again (better than Kratos), and counts once in the session."""
    kind, method = name.split("-")
    async with open_house({f"{kind}.after": [parse("/parse")]}, **sections(kind, method)) as house:
        flow = await PERFORMANCES[kind, method](house)
        house.sink.script("/parse", [messages(("#/", 77, "not yet")), Reply(204)])
        refused, changed = again(house), len(house.log("TraitsChanged")) + len(house.log("CredentialChanged"))
        outcome = await flow()
        assert len(refused) == 1
        assert refused[0].session is None
        assert refused[0].session_token is None
        assert outcome.completed
        assert len(house.log("TraitsChanged")) + len(house.log("CredentialChanged")) - changed <= 1
        if outcome.session is not None and kind != "settings":
            shown = [one.method for one in outcome.session.authentication_methods]
            assert len(shown) == len(set(shown)) or method in STRENGTHENS


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(("login", "recovery"))])
async def test_a_session_is_never_one_that_was_there_before(name: str) -> None:
    """Session fixation: who signs in gets a session that nobody could have known of."""
    kind, method = name.split("-")
    async with open_house({f"{kind}.before": [hook("/before")]}, **sections(kind, method)) as house:
        flow = await PERFORMANCES[kind, method](house)
        known = {entry.stream for entry in house.log("SessionIssued")}
        outcome = await flow()
        assert outcome.session is not None
        fresh = {str(entry.stream) for entry in house.log("SessionIssued") if entry.stream not in known}
        assert fresh == (set() if method in STRENGTHENS else {outcome.session.id})
