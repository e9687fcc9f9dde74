"""A login that fails at an authenticator or at a provider is told too; nothing of their answers is sent along."""

from uuid import UUID

from tests.engine.test_engine_passkey_attacks import ON, ada
from tests.support.authenticator import Signer
from tests.support.engine import SINK, JsonDict, open_house
from tests.support.keys import SIGNS_IN
from tests.support.provider import abroad

HOOK: JsonDict = {"hook": "web_hook", "config": {"id": "alarm", "url": f"{SINK}/failed"}}


def failed(method: str) -> JsonDict:
    """limen's own settings with a trigger of one method."""
    return {"triggers": {"login_failed": {method: {"hooks": [HOOK]}}}}


async def test_a_wrong_answer_of_a_passkey_is_told_with_whose_key_it_should_have_been() -> None:
    """She typed no identifier; that erasing her takes the flow as well is because it was told of her."""
    async with open_house(SIGNS_IN, selfservice=ON, settings=failed("passkey")) as house:
        person, key = await ada(house)
        flow = await person.start("login")
        await person.sign_in(key.lying(counter=4, signer=Signer.new(-7)), flow)
        await house.sink.wait(1)
        payload = house.sent("/failed")
        assert payload["type"] == "login.failed.passkey"
        (registered,) = house.log("IdentityRegistered")
        assert payload["data"]["identity_id"] == str(registered.stream)
        assert payload["data"]["reason"] == "wrong_answer"
        await house.until("DeliveryDelivered", 2)
        assert await house.engine.streams.store.vault_rows(flow.id)
        await house.engine.erase(registered.stream)
        assert await house.engine.streams.store.vault_rows(UUID(str(flow.id))) == []


async def test_what_a_provider_refuses_is_told() -> None:
    async with abroad(settings=failed("oidc")) as there:
        there.idp.error = "access_denied"
        flow, url = await there.leave("login")
        await there.back(flow, await there.visit(url))
        await there.house.sink.wait(1)
        payload = there.house.sent("/failed")
        assert payload["type"] == "login.failed.oidc"
        assert (payload["data"]["reason"], payload["data"]["identity_id"]) == ("provider_error", None)
