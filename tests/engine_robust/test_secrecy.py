"""Nothing that was said to the house can be read outside the sealed parts: not in files, logs, errors or reprs."""

import logging
import re
import traceback
from hashlib import md5, sha1, sha256
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, NAMESPACE_OID, NAMESPACE_URL, UUID, uuid5

import pytest

from limen.adapters import open_engine, open_log
from limen.adapters.keyring import Keys
from limen.adapters.store import open_store
from limen.adapters.system import SystemSecrets
from limen.adapters.views import open_views
from limen.domain.errors import StoreUnusable
from limen.domain.flow import Flow
from limen.domain.network import network_of
from limen.domain.testing import FixedClock
from tests.engine_robust.life import (
    ADDRESS,
    CLIENT_IP,
    NAME,
    SECRETS,
    STRANGER,
    WORDS,
    WRONG_PASSWORD,
    base,
    files,
    found,
    lived,
)
from tests.support.engine import NOON, open_house


def codes_in(data: bytes, codes: list[str]) -> list[str]:
    """Six digits that stand by themselves: within a UUID or a time they are chance."""
    return [code for code in codes if re.search(rb"(?<![0-9A-Za-z.-])%b(?![0-9A-Za-z-])" % code.encode(), data)]


def test_the_search_finds_what_is_there() -> None:
    from base64 import b64encode

    for hidden in (NAME.encode(), b64encode(b"{'a':" + NAME.encode() + b"}"), NAME.encode().hex().encode()):
        assert found(b"..." + hidden + b"...", [NAME, ADDRESS]) == [NAME]
    assert found(b'{"name": "Zo\\u00eb-\\u00d1and\\u00fa"}', [NAME]) == [NAME]
    assert codes_in(b'{"code":"123456"}', ["123456", "654321"]) == ["123456"]


async def test_no_word_stands_in_any_file_of_the_store(url: str) -> None:
    async with lived(url) as life:
        assert len(life.codes) >= 5
        assert len(life.tokens) >= 4
        data = files(url)
        assert len(data) > 100_000
        assert len(life.factors) == 26
        assert {"CredentialUsed", "CredentialMissed", "SecretsShown"} <= {entry.type for entry in life.house.log()}
        words = (*WORDS, *life.tokens, *(token.removeprefix("ory_st_") for token in life.tokens), *life.factors)
        assert found(data, words) == []
        assert codes_in(data, life.codes) == []
    assert found(files(url), words) == []


async def test_where_somebody_called_from_is_in_no_file_but_as_a_hash_under_the_pepper(url: str) -> None:
    network = "203.0.113.0/24"
    assert network_of(CLIENT_IP) == network
    async with lived(url) as life:
        keyring = life.house.engine.tools.keyring
        with open_views(url) as views:
            views.rebuild_all()
        data = files(url)
        keyed = keyring.derive("network", network)
        assert str(keyed).encode() in data
        assert keyed != keyring.derive("identifier", network)
    assert found(data, ["203.0.113", network, CLIENT_IP]) == []
    for text in (network, CLIENT_IP, network.partition("/")[0]):
        for plain in (sha256, sha1, md5):
            digest = plain(text.encode()).digest()
            for hidden in (digest[:16], digest[:16].hex().encode(), str(UUID(bytes=digest[:16], version=5)).encode()):
                assert hidden not in data
        for namespace in (NAMESPACE_DNS, NAMESPACE_URL, NAMESPACE_OID, UUID(int=0)):
            assert str(uuid5(namespace, text)).encode() not in data


async def test_no_word_stands_in_an_error_a_repr_or_a_line_of_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with lived(f"sqlite:///{tmp_path / 'limen.db'}") as life:
        house, engine = life.house, life.house.engine
        assert {type(error).__name__ for error in life.errors} == {"FlowRejected", "ActionFailed"}
        told = [line for error in life.errors for line in traceback.format_exception(error)]
        told += [repr(error) for error in life.errors]
        shown: list[Any] = [*life.outcomes, *(outcome.flow for outcome in life.outcomes if hasattr(outcome, "flow"))]
        shown += [outcome.identity for outcome in life.outcomes if hasattr(outcome, "identity")]
        shown += [outcome.session for outcome in life.outcomes if hasattr(outcome, "session")]
        shown += [one.body for one in shown if hasattr(one, "body")]
        events = [event for _, event in await engine.streams.store.log(limit=100_000)]
        shown += [*events, *(event.model_dump() for event in events)]
        desk = await engine.current()
        shown += [desk, desk.rules, desk.rules.configuration, desk.rules.configuration.settings, engine, engine.tools]
        shown += [*desk.methods.values(), *house.courier.messages, engine.dispatcher]
        for id_ in {event.originator_id for event in events if event.stream == "flow"}:
            shown.append(await engine.streams.load(Flow, id_))
        words = (*WORDS, *life.tokens, *life.factors)
        for line in (*told, *map(repr, shown), *map(str, shown), *caplog.messages):
            assert (found(line.encode(), words), codes_in(line.encode(), life.codes)) == ([], []), line[:300]
        assert caplog.messages, "something was logged, or nothing was tried"


async def test_sealed_fields_stay_sealed_without_the_key_and_open_with_it(url: str) -> None:
    async with lived(url) as life:
        store = life.house.engine.streams.store
        with open_log(store) as log:
            registered = next(iter(log.events(type="IdentityRegistered")))
            assert registered.data["profile"] == {"sealed": True}
            assert found(repr(list(log.events())).encode(), WORDS) == []
        keys = Keys(store, SECRETS["cipher"], SystemSecrets())
        await keys.open()
        with open_log(store, keys=keys) as log:
            registered = next(iter(log.events(type="IdentityRegistered")))
            assert registered.data["profile"]["traits"]["email"] == ADDRESS


async def test_a_store_opened_with_another_key_is_refused_and_left_as_it_was(url: str) -> None:
    async with open_engine(base(), url, settings={}) as engine:
        await engine.start("login")
    before = sorted(files(url).split(b"\n"))
    wrong = base() | {"secrets": {"cookie": SECRETS["cookie"], "cipher": ["quite-another-secret-of-32-chars"]}}
    with pytest.raises(StoreUnusable, match=r"secrets\.cipher") as refused:
        async with open_engine(wrong, url, settings={}) as engine:
            await engine.start("login")
    assert "quite-another" not in str(refused.value)
    store = open_store(url)
    with pytest.raises(StoreUnusable):
        await Keys(store, ["quite-another-secret-of-32-chars"], SystemSecrets()).open()
    store.close()
    assert sorted(files(url).split(b"\n")) == before
    both = base() | {
        "secrets": {"cookie": SECRETS["cookie"], "cipher": ["a-newer-secret-of-32-characters-", *SECRETS["cipher"]]}
    }
    async with open_engine(both, url, settings={}) as engine:
        assert (await engine.start("login")).state == "choose_method"


class Counted:
    """The real hasher, and how often it was called for what."""

    def __init__(self, hasher: Any) -> None:
        self.hasher, self.calls = hasher, list[str]()

    async def hash(self, password: str) -> str:
        return str(await self.hasher.hash(password))

    async def verify(self, password: str, hashed: str) -> bool:
        self.calls.append("verify")
        return bool(await self.hasher.verify(password, hashed))

    async def pretend(self, password: str) -> None:
        self.calls.append("pretend")
        await self.hasher.pretend(password)


async def test_a_wrong_password_and_an_unknown_account_look_the_same() -> None:
    async with open_house(clock=FixedClock(NOON)) as house:
        whose = str((await house.register(ADDRESS)).flow.identity_id)
        method: Any = (await house.engine.current()).methods["password"]
        method.hasher = Counted(method.hasher)
        seen: list[Any] = []
        for identifier in (ADDRESS, STRANGER):
            flow = await house.start("login")
            values = {"identifier": identifier, "password": WRONG_PASSWORD}
            outcome = await house.engine.submit(flow.id, method="password", values=values)
            body = repr(outcome.flow.body.plain()).replace(str(flow.id), "ID").replace(identifier, "WHO")
            events = [(entry.type, entry.data) for entry in house.log() if entry.stream == flow.id]
            seen.append((outcome.state, outcome.error, body, events, len(method.hasher.calls)))
        assert method.hasher.calls == ["verify", "pretend"]
        known, unknown = seen
        named = [one[3][-1][1].pop("identity_id") for one in seen]
        assert named == [whose, None], "the record says whose identifier was given; nobody else does"
        assert whose not in known[2]
        assert known[:4] == unknown[:4]
        logins = [entry.stream for entry in house.log("FlowInitiated") if entry.data["kind"] == "login"]
        rows = [await house.engine.streams.store.vault_rows(login) for login in logins]
        assert [[(row.kind, len(row.value)) for row in listed] for listed in rows] == [[("key", 61)]] * 2
