"""What the engine gives is what the official client of Ory Kratos takes: every flow, session and next step parses."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from ory_kratos_client.models.continue_with import ContinueWith
from ory_kratos_client.models.identity import Identity
from ory_kratos_client.models.login_flow import LoginFlow
from ory_kratos_client.models.recovery_flow import RecoveryFlow
from ory_kratos_client.models.registration_flow import RegistrationFlow
from ory_kratos_client.models.session import Session
from ory_kratos_client.models.settings_flow import SettingsFlow
from ory_kratos_client.models.verification_flow import VerificationFlow

from limen.domain import FlowView, Outcome
from tests.support.engine import open_house
from tests.support.listening import listen
from tests.support.performing import PERFORMANCES, sections

FLOWS: Mapping[str, Any] = {
    "login": LoginFlow,
    "registration": RegistrationFlow,
    "settings": SettingsFlow,
    "recovery": RecoveryFlow,
    "verification": VerificationFlow,
}
NAMES = [f"{kind}-{method}" for kind, method in PERFORMANCES]


class Client:
    """Parses whatever comes, as the official client does; keeps what it made of it."""

    def __init__(self) -> None:
        self.parsed: list[Any] = []

    def typed(self, values: Mapping[str, Any]) -> None:
        """What is sent is the other side's business."""

    def flow(self, flow: FlowView) -> None:
        parsed = FLOWS[flow.kind].from_json(json.dumps(flow.body.plain()))
        assert [_name(node) for node in parsed.ui.nodes] == [
            node["attributes"].get("name") or node["attributes"].get("id") for node in flow.ui.nodes or ()
        ]
        self.parsed.append(parsed)

    def outcome(self, outcome: Outcome) -> None:
        self.flow(outcome.flow)
        if outcome.session is not None:
            self.parsed.append(Session.from_json(json.dumps(outcome.session.plain())))
        if outcome.identity is not None:
            self.parsed.append(Identity.from_json(json.dumps(outcome.identity.plain())))
        self.parsed += [ContinueWith.from_json(json.dumps(dict(step))) for step in outcome.continue_with]


def _name(node: Any) -> str:
    attributes = node.attributes.actual_instance
    return str(getattr(attributes, "name", None) or attributes.id)


@pytest.mark.parametrize("name", NAMES)
async def test_the_official_client_takes_every_answer(name: str) -> None:
    kind, method = name.split("-")
    async with open_house(**sections(kind, method)) as house:
        client = Client()
        listen(house, client)
        flow = await PERFORMANCES[kind, method](house)
        assert (await flow()).completed
        assert len(client.parsed) >= 2
