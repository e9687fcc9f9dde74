"""Web hooks over real HTTP: what is sent, where it may go, and what every kind of broken answer comes to."""

import asyncio
import base64
import datetime as dt
import gzip
import hashlib
import hmac
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from limen.adapters.caller import HttpCaller, retry_after
from limen.adapters.sink import Fault, Reply, Sink
from limen.domain.configuration import HttpGuard
from limen.domain.ports import Answer, CallFailed, PreparedRequest

TRIGGER = UUID("11111111-1111-4111-8111-111111111111")
ATTEMPT = UUID("22222222-2222-4222-8222-222222222222")
AT = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
PUBLIC_ONLY = HttpGuard(disallow_private_ip_ranges=True)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with Sink() as opened:
        yield opened


@pytest.fixture
async def caller() -> AsyncIterator[HttpCaller]:
    async with HttpCaller() as opened:
        yield opened


def request(url: str, method: str = "POST", body: bytes | None = b'{"a":1}', **more: Any) -> PreparedRequest:
    headers = more.pop("headers", (("Content-Type", "application/json"),))
    return PreparedRequest(method, url, headers, body, TRIGGER, **more)


async def call(caller: HttpCaller, prepared: PreparedRequest, seconds: float = 5.0) -> Answer:
    return await caller.call(prepared, request_id=ATTEMPT, timeout=seconds, sent_at=AT)


async def failure(caller: HttpCaller, prepared: PreparedRequest, seconds: float = 5.0) -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        await call(caller, prepared, seconds)
    return failed.value


def port(sink: Sink) -> int:
    return int(sink.url.rpartition(":")[2])


class TestWhatIsSent:
    async def test_method_target_body_and_the_headers_of_the_attempt(self, sink: Sink, caller: HttpCaller) -> None:
        await call(caller, request(f"{sink.url}/hook?x=%7Ba%7D&y=1#part"))
        (got,) = sink.received
        assert (got.method, got.target, got.body) == ("POST", "/hook?x=%7Ba%7D&y=1", b'{"a":1}')
        assert got.header("Ory-Webhook-Trigger-ID") == got.header("webhook-id") == str(TRIGGER)
        assert got.header("Ory-Webhook-Request-ID") == str(ATTEMPT)
        assert got.header("webhook-timestamp") == "1772366400"
        assert got.header("webhook-signature") is None
        assert got.header("Content-Length") == "7"
        assert (got.header("User-Agent") or "").startswith("limen/")

    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
    async def test_any_method_has_its_body(self, sink: Sink, caller: HttpCaller, method: str) -> None:
        await call(caller, request(sink.url, method, b"null\n"))
        assert (sink.received[0].method, sink.received[0].body) == (method, b"null\n")

    async def test_none_without_a_body(self, sink: Sink, caller: HttpCaller) -> None:
        await call(caller, request(sink.url, "TRACE", None))
        assert (sink.received[0].method, sink.received[0].body) == ("TRACE", b"")

    async def test_fixed_headers_go_along_but_never_in_place_of_the_attempts_own(
        self, sink: Sink, caller: HttpCaller
    ) -> None:
        headers = (("X-Name", "Zoë"), ("webhook-id", "forged"), ("User-Agent", "mine"), ("webhook-signature", "forged"))
        await call(caller, request(sink.url, headers=headers))
        (got,) = sink.received
        assert (got.header("X-Name"), got.header("User-Agent")) == ("Zoë", "mine")
        assert [value for name, value in got.headers if name == "webhook-id"] == [str(TRIGGER)]
        assert got.header("webhook-signature") is None

    async def test_all_secrets_sign_side_by_side(self, sink: Sink, caller: HttpCaller) -> None:
        key = b"\x00\x01binary"
        secrets = ("plain text", "whsec_" + base64.b64encode(key).decode())
        await call(caller, request(sink.url, signing_secrets=secrets))
        signed = f"{TRIGGER}.1772366400.".encode() + b'{"a":1}'
        expected = [
            "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
            for secret in (b"plain text", key)
        ]
        assert (sink.received[0].header("webhook-signature") or "").split() == expected

    async def test_user_and_password_of_the_url_become_basic_auth(self, sink: Sink, caller: HttpCaller) -> None:
        await call(caller, request(sink.url.replace("//", "//u:p%40@")))
        assert sink.received[0].header("Authorization") == "Basic " + base64.b64encode(b"u:p@").decode()

    async def test_connections_are_reused(self, sink: Sink, caller: HttpCaller) -> None:
        for _ in range(5):
            await call(caller, request(sink.url))
        assert {got.connection for got in sink.received} == {1}

    async def test_cookies_of_an_answer_are_not_kept(self, sink: Sink, caller: HttpCaller) -> None:
        sink.script("/", Reply(headers=(("Set-Cookie", "a=b"),)))
        await call(caller, request(sink.url))
        await call(caller, request(sink.url))
        assert sink.received[1].header("Cookie") is None

    async def test_the_environment_has_no_say(
        self, sink: Sink, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password p")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        async with HttpCaller() as caller:
            assert (await call(caller, request(sink.url))).status == 200
        assert sink.received[0].header("Authorization") is None


class TestWhatComesBack:
    async def test_status_body_and_type(self, sink: Sink, caller: HttpCaller) -> None:
        sink.script("/", Reply(418, b'{"b":2}', (("Content-Type", "application/json"), ("Retry-After", "7"))))
        assert await call(caller, request(sink.url)) == Answer(418, b'{"b":2}', "application/json", 7.0)

    async def test_a_packed_body_is_unpacked(self, sink: Sink, caller: HttpCaller) -> None:
        sink.script("/", Reply(body=gzip.compress(b'{"b":2}'), headers=(("Content-Encoding", "gzip"),)))
        assert (await call(caller, request(sink.url))).body == b'{"b":2}'
        assert sink.received[0].header("Accept-Encoding") == "gzip"

    # with a name: the bytes hold the second in which they were made, and workers must agree on what they run
    @pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"x" * 1000)[:-12]], ids=["no gzip", "cut off"])
    async def test_a_body_not_packed_as_it_says_fails(self, sink: Sink, caller: HttpCaller, body: bytes) -> None:
        sink.script("/", Reply(body=body, headers=(("Content-Encoding", "gzip"),)))
        assert (await failure(caller, request(sink.url))).reason == "upstream"

    async def test_five_mebibytes_are_read_and_not_one_byte_more(self, sink: Sink, caller: HttpCaller) -> None:
        sink.script("/", [Reply(body=b"x" * (5 << 20)), Reply(body=b"x" * ((5 << 20) + 1))])
        assert len((await call(caller, request(sink.url))).body) == 5 << 20
        assert (await failure(caller, request(sink.url))).reason == "too_large"

    async def test_a_small_body_that_unpacks_to_much_is_too_large(self, sink: Sink, caller: HttpCaller) -> None:
        bomb = gzip.compress(b"\0" * (200 << 20), 9)
        assert len(bomb) < 1 << 20
        sink.script("/", Reply(body=bomb, headers=(("Content-Encoding", "gzip"),)))
        assert (await failure(caller, request(sink.url))).reason == "too_large"

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            ("close", "upstream"),
            ("halfway", "upstream"),
            ("garbage", "upstream"),
            ("flood", "too_large"),
            ("drip", "timeout"),
            ("hang", "timeout"),
        ],
    )
    async def test_a_broken_answer_is_one_failure_and_the_next_call_works(
        self, sink: Sink, caller: HttpCaller, fault: Fault, reason: str
    ) -> None:
        sink.script("/s3cret", [Reply(body=b"{}" * 50, fault=fault), Reply()])
        failed = await failure(caller, request(f"{sink.url}/s3cret?token=s3cret"), 0.5)
        assert failed.reason == reason
        assert failed.detail.startswith("127.0.0.1: ")
        assert "s3cret" not in failed.detail
        assert (await call(caller, request(f"{sink.url}/s3cret"))).status == 200

    async def test_the_deadline_holds_for_all_redirects_together(self, sink: Sink, caller: HttpCaller) -> None:
        sink.script("/", Reply(307, headers=(("Location", "/"),), delay=0.2))
        assert (await failure(caller, request(sink.url), 0.5)).reason == "timeout"
        assert len(sink.of("/")) <= 3, "six would be followed if each had the whole time"

    async def test_nobody_there_is_a_connection_fault(self, caller: HttpCaller) -> None:
        async with Sink() as gone:
            url = gone.url
        failed = await failure(caller, request(url))
        assert (failed.reason, failed.detail) == ("upstream", "127.0.0.1: no connection")

    async def test_neither_is_a_name_that_does_not_exist(self, caller: HttpCaller) -> None:
        failed = await failure(caller, request("http://no-such-host.invalid/?token=s3cret"))
        assert (failed.reason, failed.detail) == ("upstream", "no-such-host.invalid: the host name does not resolve")

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"retry-after": "120"}, 120.0),
            ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30.0),
            ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT", "date": "Sun, 01 Mar 2026 12:00:20 GMT"}, 10.0),
            ({"retry-after": "Sun, 01 Mar 2020 12:00:30 GMT"}, 0.0),
            ({"retry-after": "soon"}, None),
            ({"retry-after": "-5"}, None),
            ({}, None),
        ],
    )
    def test_what_it_asks_to_wait_in_seconds(self, headers: dict[str, str], seconds: float | None) -> None:
        assert retry_after(headers, AT) == seconds


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303])
    async def test_become_get_without_a_body(self, sink: Sink, caller: HttpCaller, status: int) -> None:
        sink.script("/a", Reply(status, headers=(("Location", "b?c=d#e"),)))
        sink.script("/b", Reply(404, b"last"))
        answer = await call(caller, request(f"{sink.url}/a", "PUT"))
        assert (answer.status, answer.body) == (404, b"last")
        first, second = sink.received
        assert (second.method, second.target, second.body) == ("GET", "/b?c=d", b"")
        assert second.header("Content-Type") is None
        assert second.header("webhook-id") == first.header("webhook-id")

    @pytest.mark.parametrize("status", [307, 308])
    async def test_or_send_it_again(self, sink: Sink, caller: HttpCaller, status: int) -> None:
        sink.script("/a", Reply(status, headers=(("Location", "/b"),)))
        await call(caller, request(f"{sink.url}/a", "PUT"))
        assert [(got.method, got.body) for got in sink.received] == [("PUT", b'{"a":1}')] * 2
        assert sink.received[1].header("Content-Type") == "application/json"

    @pytest.mark.parametrize("reply", [Reply(302), Reply(302, headers=(("Location", ""),)), Reply(304), Reply(300)])
    async def test_without_a_place_to_go_are_the_answer(self, sink: Sink, caller: HttpCaller, reply: Reply) -> None:
        sink.script("/", reply)
        assert (await call(caller, request(sink.url))).status == reply.status
        assert len(sink.received) == 1

    async def test_five_are_followed_and_the_sixth_is_not(self, sink: Sink, caller: HttpCaller) -> None:
        for i in range(6):
            sink.script(f"/{i}", Reply(302, headers=(("Location", f"/{i + 1}"),)))
        assert (await call(caller, request(f"{sink.url}/1"))).status == 200
        failed = await failure(caller, request(f"{sink.url}/0"))
        assert (failed.reason, failed.detail) == ("upstream", "127.0.0.1: more than 5 redirects")

    @pytest.mark.parametrize("place", ["ftp://files.example/", "file:///etc/passwd", "http://", "http://[bad", "//"])
    async def test_to_what_is_no_place_fail(self, sink: Sink, caller: HttpCaller, place: str) -> None:
        sink.script("/", Reply(302, headers=(("Location", place),)))
        assert (await failure(caller, request(sink.url))).reason == "upstream"

    async def test_credentials_go_along_to_the_same_origin(self, sink: Sink, caller: HttpCaller) -> None:
        sink.script("/a", Reply(307, headers=(("Location", f"{sink.url}/b"),)))
        await call(caller, _with_credentials(f"{sink.url}/a"))
        assert _secrets_of(sink, "/b") == {"authorization", "cookie", "x-key", "webhook-signature"}

    @pytest.mark.parametrize("status", [302, 307])
    async def test_and_to_no_other_nor_back_again(self, sink: Sink, caller: HttpCaller, status: int) -> None:
        async with Sink() as other:
            sink.script("/a", Reply(status, headers=(("Location", f"{other.url}/b"),)))
            other.script("/b", Reply(status, headers=(("Location", f"{sink.url}/c"),)))
            await call(caller, _with_credentials(f"{sink.url}/a"))
            assert _secrets_of(sink, "/a") == {"authorization", "cookie", "x-key", "webhook-signature"}
            assert _secrets_of(other, "/b") == set()
            assert _secrets_of(sink, "/c") == set()
            assert other.of("/b")[0].header("X-Tenant") == "t"

    async def test_a_signature_is_made_anew_for_what_is_sent(self, sink: Sink, caller: HttpCaller) -> None:
        sink.script("/a", Reply(303, headers=(("Location", "/b"),)))
        await call(caller, request(f"{sink.url}/a", signing_secrets=("s",)))
        digest = hmac.new(b"s", f"{TRIGGER}.1772366400.".encode(), hashlib.sha256).digest()
        assert sink.received[1].header("webhook-signature") == "v1," + base64.b64encode(digest).decode()


def _with_credentials(url: str) -> PreparedRequest:
    headers = (("Authorization", "Bearer t"), ("Cookie", "k=v"), ("X-Key", "k"), ("X-Tenant", "t"))
    return request(url, headers=headers, credentials=("x-key",), signing_secrets=("s",))


def _secrets_of(sink: Sink, path: str) -> set[str]:
    (got,) = sink.of(path)
    return {name.lower() for name, _ in got.headers} & {"authorization", "cookie", "x-key", "webhook-signature"}


class TestWhereItMayGo:
    @pytest.mark.parametrize(
        "url",
        [
            "http://169.254.169.254/latest/meta-data/?token=s3cret",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://user:s3cret@169.254.169.254/",
        ],
    )
    async def test_never_to_metadata(self, caller: HttpCaller, url: str) -> None:
        failed = await failure(caller, request(url))
        assert failed.reason == "address"
        assert "metadata" in failed.detail
        assert "s3cret" not in failed.detail

    @pytest.mark.parametrize(
        "url", ["ftp://files.example/", "file:///etc/passwd", "unix:///run/docker.sock", "gopher://x/"]
    )
    async def test_only_by_http_and_https(self, caller: HttpCaller, url: str) -> None:
        assert (await failure(caller, request(url))).reason == "address"

    @pytest.mark.parametrize("url", ["", "http://", "no url", "http://a b/", "http://x:99999/"])
    async def test_nor_to_what_is_no_url(self, caller: HttpCaller, url: str) -> None:
        assert (await failure(caller, request(url))).reason in ("address", "upstream")

    async def test_private_ranges_are_a_matter_of_configuration(self, sink: Sink) -> None:
        async with HttpCaller(PUBLIC_ONLY) as caller:
            assert (await failure(caller, request(sink.url))).reason == "address"
        assert sink.received == []

    async def test_exceptions_are_exact(self, sink: Sink) -> None:
        guard = HttpGuard(True, (f"{sink.url}/exception?a=b",))
        async with HttpCaller(guard) as caller:
            assert (await call(caller, request(f"{sink.url}/exception?a=b"))).status == 200
            for near in ("/exception", "/exception?a=c", "/exception/?a=b", "/exception/x?a=b", "/"):
                # the connection made for the exception is there still: it must not serve these
                assert (await failure(caller, request(sink.url + near))).reason == "address"
        assert len(sink.received) == 1

    async def test_every_hop_is_checked(self, sink: Sink) -> None:
        guard = HttpGuard(True, (f"{sink.url}/exception",))
        async with HttpCaller(guard) as caller:
            for place in ("/inside", "http://169.254.169.254/latest", f"http://localhost:{port(sink)}/exception"):
                sink.script("/exception", Reply(307, headers=(("Location", place),)))
                assert (await failure(caller, request(f"{sink.url}/exception"))).reason == "address"
        assert {got.path for got in sink.received} == {"/exception"}

    async def test_a_name_that_resolves_differently_the_second_time_gains_nothing(self, sink: Sink) -> None:
        asked: list[str] = []

        async def rebinding(host: str, port: int) -> Sequence[str]:
            asked.append(host)
            return ["192.0.2.1"] if len(asked) == 1 else ["127.0.0.1"]

        async with HttpCaller(PUBLIC_ONLY, resolver=rebinding) as caller:
            target = request(f"http://rebinding.example:{port(sink)}/")
            # the first answer is checked and refused (documentation range); the second is checked just the same
            assert (await failure(caller, target)).reason == "address"
            assert (await failure(caller, target)).reason == "address"
        assert asked == ["rebinding.example"] * 2
        assert sink.received == []

    async def test_it_connects_to_the_address_that_was_checked_under_the_name_that_was_given(self, sink: Sink) -> None:
        asked: list[str] = []

        async def resolver(host: str, port: int) -> Sequence[str]:
            asked.append(host)
            return ["127.0.0.1"]

        async with HttpCaller(resolver=resolver) as caller:
            await call(caller, request(f"http://target.example:{port(sink)}/"))
        assert asked == ["target.example"]
        assert sink.received[0].header("Host") == f"target.example:{port(sink)}"


def _certificate(tmp_path: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context with a certificate it signed itself, and that certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context, files[0]


class TestTls:
    async def loopback(self, host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async def test_an_unknown_certificate_is_a_failure(self, tmp_path: Path) -> None:
        server, _ = _certificate(tmp_path, "target.example")
        async with Sink(tls=server) as sink, HttpCaller(resolver=self.loopback) as caller:
            failed = await failure(caller, request(f"https://target.example:{port(sink)}/"))
            assert (failed.reason, failed.detail) == ("upstream", "target.example: its certificate is not valid")
            assert sink.received == []

    async def test_a_known_one_is_checked_against_the_name_not_the_address(self, tmp_path: Path) -> None:
        server, trusted = _certificate(tmp_path, "target.example")
        client = ssl.create_default_context(cafile=str(trusted))
        async with Sink(tls=server) as sink, HttpCaller(resolver=self.loopback, tls=client) as caller:
            assert (await call(caller, request(f"https://target.example:{port(sink)}/"))).status == 200
            failed = await failure(caller, request(f"https://other.example:{port(sink)}/"))
            assert failed.detail == "other.example: its certificate is not valid"

    async def test_plain_http_where_tls_is_expected_is_a_failure(self, sink: Sink, caller: HttpCaller) -> None:
        failed = await failure(caller, request(sink.url.replace("http:", "https:")))
        assert failed.reason == "upstream"


async def test_nothing_of_a_request_is_logged(sink: Sink, caller: HttpCaller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await call(caller, request(f"{sink.url}/s3cret?token=s3cret"))
    assert caplog.text == ""


async def test_a_connection_is_kept_for_a_while_and_then_closed(
    sink: Sink, caller: HttpCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limen.adapters.lines.IDLE", 0.1)
    for pause in (0.0, 0.2, 0.0):
        await call(caller, request(sink.url))
        await asyncio.sleep(pause)
    assert [got.connection for got in sink.received] == [1, 1, 2]


async def test_a_hundred_at_once(sink: Sink, caller: HttpCaller) -> None:
    sink.script("/", Reply(delay=0.05))
    answers = await asyncio.gather(*(call(caller, request(sink.url)) for _ in range(100)))
    assert {answer.status for answer in answers} == {200}
    assert len(sink.received) == 100
