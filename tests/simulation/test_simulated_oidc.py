"""Flows that went through a provider, and those they became, are re-decided like any other."""

from tests.simulation.house import all_same, foresee
from tests.support.engine import ADA, JsonDict, hook, parse
from tests.support.provider import abroad, providers

SLOTS: dict[str, list[JsonDict]] = {
    f"{kind}.{place}": [parse(f"/{kind}/{place}"), hook(f"/{kind}/{place}/plain")]
    for kind in ("login", "registration", "settings")
    for place in ("before", "after.oidc")
}


async def test_the_same_configuration_changes_nothing() -> None:
    async with abroad(SLOTS, settings={"contexts": "all"}) as there:
        there.idp.visitor = "s-fay"
        open_ = await there.go("registration")
        values = {"provider": "idp", "code": there.claim, "traits": {"email": "fay@example.org"}}
        assert (await there.house.engine.submit(open_.flow.id, method=None, values=values)).completed
        await there.house.register(ADA)
        there.idp.visitor = "s-ada"
        assert not (await there.go("login")).completed  # becomes a registration, and that a login to prove the account
        there.idp.visitor = "s-bob"
        token = (await there.go("login")).session_token
        await there.go("settings", values={"link": "other"}, session_token=token)
        assert (await there.go("registration")).completed
        selfservice = {
            "methods": {
                "oidc": {"config": {"providers": providers(there.idp.issuer, there.other.issuer)}, "enabled": True}
            }
        }
        found = await foresee(there.house, SLOTS, settings={"contexts": "all"}, selfservice=selfservice)
        assert all_same(found), [(one.flow, one.outcome) for one in found]
        assert {one.flow for one in found} == {"login", "registration", "settings", "verification"}
