"""The session's cookie under its configured name is limen's own: no action ever sees it."""

from limen.adapters.configuration import read
from limen.domain import ActionContext, Actions, Request
from tests.support.engine import configuration, open_house

COOKIES = {
    "shop_session": "secret-token",
    "ory_kratos_session": "another",
    "csrf_token_1": "x",
    "limen_x": "y",
    "a": "b",
}


async def seen_by_an_action(**sections: object) -> dict[str, str]:
    seen: list[dict[str, str]] = []
    actions = Actions()

    @actions.before("login", id="look")
    async def look(context: ActionContext) -> None:
        seen.append(context.request_cookies.plain())

    async with open_house(actions=actions, **sections) as house:  # type: ignore[arg-type]  # any section
        await house.start("login", request=Request(cookies=COOKIES))
    return seen[0]


async def test_the_configured_name_is_kept_from_actions_and_the_usual_ones_too() -> None:
    assert await seen_by_an_action(session={"cookie": {"name": "shop_session"}}) == {"a": "b"}


async def test_without_it_the_cookie_is_somebody_elses() -> None:
    assert await seen_by_an_action() == {"a": "b", "shop_session": "secret-token"}


def test_the_name_is_acted_on_and_the_rest_of_the_section_still_listed_as_ignored() -> None:
    cookie = {"name": "shop_session", "domain": "example.org", "persistent": True}
    read_so = read(configuration(session={"cookie": cookie}), {}, env={})
    assert read_so.session_cookie == "shop_session"
    assert [pointer for pointer in read_so.ignored if "cookie" in pointer] == [
        "/session/cookie/domain",
        "/session/cookie/persistent",
    ]
    for default in (configuration(), configuration(session={"cookie": {"name": ""}})):
        assert read(default, {}, env={}).session_cookie == "ory_kratos_session"
