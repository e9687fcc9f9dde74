"""Messages reach a real SMTP server as `courier.smtp.connection_uri` says, and failures say what can be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from limen.adapters.courier import MailNotSent, SmtpCourier, SmtpTarget
from limen.domain.configuration import CourierSettings
from limen.domain.errors import ConfigurationInvalid
from limen.domain.ports import Courier, Mail
from limen.domain.testing import FixedClock
from tests.support.certificates import self_signed
from tests.support.smtp import smtp_sink

ID = UUID("7b7b1fa1-1d0c-4a31-9f0e-5f0b3b9a9f10")
MAIL = Mail(
    to="ada@example.org",
    subject="Dein Zugangscode für limen",
    body="Grüße!\n\nDer Code ist 123456.\n",
    template="recovery_code_valid",
    code="123456",
)
CLOCK = FixedClock(datetime(2026, 3, 1, 9, 30, tzinfo=UTC))


def courier(uri: str, **settings: object) -> SmtpCourier:
    told = {"from_address": "hello@limen.example", "from_name": "Limen, Inc.", "local_name": "app.example"} | settings
    return SmtpCourier(CourierSettings(connection_uri=uri, **told), CLOCK)  # type: ignore[arg-type]  # any of its settings


@contextmanager
def not_sent(reason: str, *, status: int | None = None, permanent: bool = False) -> Iterator[None]:
    with pytest.raises(MailNotSent) as caught:
        yield
    failure = caught.value
    assert (failure.reason, failure.status, failure.permanent) == (reason, status, permanent)
    assert "ada" not in str(failure)
    assert "123456" not in str(failure)


async def test_a_message_arrives_as_plain_text_with_everything_it_needs() -> None:
    async with smtp_sink() as sink:
        smtp: Courier = courier(f"smtp://127.0.0.1:{sink.port}/?disable_starttls=true", headers={"X-Tenant": "north"})
        await smtp.send(MAIL, id=ID)
    (message,), (envelope,) = sink.received, sink.envelopes
    assert message["From"] == '"Limen, Inc." <hello@limen.example>'
    assert message["To"] == "ada@example.org"
    assert message["Subject"] == MAIL.subject
    assert message["Date"] == "Sun, 01 Mar 2026 09:30:00 +0000"
    assert message["X-Tenant"] == "north"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().splitlines() == MAIL.body.splitlines()
    assert (envelope.mail_from, envelope.rcpt_tos) == ("hello@limen.example", ["ada@example.org"])
    assert sink.greetings == ["app.example"]
    assert sink.encrypted == [False]
    assert smtp.local is False


async def test_the_same_id_is_the_same_message() -> None:
    async with smtp_sink() as sink:
        smtp = courier(f"smtp://127.0.0.1:{sink.port}/?disable_starttls=true")
        await smtp.send(MAIL, id=ID)
        await smtp.send(MAIL, id=ID)
    assert [message["Message-ID"] for message in sink.received] == [f"<{ID}@limen.example>"] * 2


async def test_credentials_of_the_uri_are_used_with_their_escapes_undone() -> None:
    async with smtp_sink(login=True) as sink:
        await courier(f"smtp://post%40office:p%2Fw%3A1@127.0.0.1:{sink.port}/?disable_starttls=true").send(MAIL, id=ID)
    assert sink.logins == [("post@office", "p/w:1")]
    assert len(sink.received) == 1


async def test_smtp_is_upgraded_to_tls_before_anything_is_said(tmp_path: Path) -> None:
    async with smtp_sink(tls=self_signed(tmp_path, "localhost")) as sink:
        await courier(f"smtp://localhost:{sink.port}/?skip_ssl_verify=true").send(MAIL, id=ID)
    assert sink.encrypted == [True]


async def test_smtp_without_tls_on_the_other_side_is_refused_rather_than_sent_in_clear() -> None:
    async with smtp_sink() as sink:
        with not_sent("tls"):
            await courier(f"smtp://127.0.0.1:{sink.port}/").send(MAIL, id=ID)
    assert sink.received == []


async def test_smtps_speaks_tls_from_the_first_byte(tmp_path: Path) -> None:
    async with smtp_sink(scheme="smtps", tls=self_signed(tmp_path, "localhost")) as sink:
        await courier(f"smtps://localhost:{sink.port}/?skip_ssl_verify=true").send(MAIL, id=ID)
    assert sink.encrypted == [True]


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_certificate_nobody_vouches_for_is_refused(scheme: str, tmp_path: Path) -> None:
    trusted = self_signed(tmp_path, "localhost")
    async with smtp_sink(scheme=scheme, tls=trusted) as sink:
        with not_sent("tls"):
            await courier(f"{scheme}://localhost:{sink.port}/").send(MAIL, id=ID)
    assert sink.received == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize(("name", "arrives"), [("mail.example", True), ("other.example", False)])
async def test_server_name_is_the_name_expected_in_the_certificate(
    scheme: str, name: str, arrives: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = self_signed(tmp_path, "mail.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "mail.example.pem"))
    async with smtp_sink(scheme=scheme, tls=context) as sink:
        smtp = courier(f"{scheme}://127.0.0.1:{sink.port}/?server_name={name}")
        if arrives:
            await smtp.send(MAIL, id=ID)
        else:
            with not_sent("tls"):
                await smtp.send(MAIL, id=ID)
    assert len(sink.received) == (1 if arrives else 0)


async def test_a_refused_recipient_is_told_by_number_and_never_by_the_servers_words() -> None:
    async with smtp_sink() as sink:
        smtp = courier(f"smtp://127.0.0.1:{sink.port}/?disable_starttls=true")
        sink.reply = ("RCPT", "550 no such user {address}")
        with not_sent("refused", status=550, permanent=True):
            await smtp.send(MAIL, id=ID)
        sink.reply = ("RCPT", "450 mailbox of {address} busy")
        with not_sent("refused", status=450):
            await smtp.send(MAIL, id=ID)
        sink.reply = ("DATA", "451 try again later")
        with not_sent("refused", status=451):
            await smtp.send(MAIL, id=ID)


async def test_wrong_credentials_are_told_apart() -> None:
    async with smtp_sink(login=True) as sink:
        with not_sent("credentials", status=535, permanent=True):
            await courier(f"smtp://ada:wrong@127.0.0.1:{sink.port}/?disable_starttls=true").send(MAIL, id=ID)


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    async with smtp_sink() as sink:
        pass
    for query in ("disable_starttls=true", "disable_starttls=true&server_name=x.example"):
        with not_sent("unreachable"):
            await courier(f"smtp://127.0.0.1:{sink.port}/?{query}").send(MAIL, id=ID)


@pytest.mark.parametrize(
    "address", ["", "ada", "a b@example.org", "ada@example.org\r\nBcc: eve@example.org", "<>", "@", "jürgen", "ä b@c"]
)
async def test_what_is_no_address_is_refused_before_anything_is_sent(address: str) -> None:
    async with smtp_sink() as sink:
        with not_sent("address", permanent=True):
            mail = Mail(to=address, subject="s", body="b", template="t")
            await courier(f"smtp://127.0.0.1:{sink.port}/?disable_starttls=true").send(mail, id=ID)
    assert sink.envelopes == []


async def test_a_subject_cannot_add_a_header() -> None:
    async with smtp_sink() as sink:
        mail = Mail(to="ada@example.org", subject="hello\r\nBcc: eve@example.org", body="b", template="t")
        await courier(f"smtp://127.0.0.1:{sink.port}/?disable_starttls=true").send(mail, id=ID)
    assert sink.received[0]["Bcc"] is None
    assert sink.received[0]["Subject"] == "hello Bcc: eve@example.org"


async def test_an_address_outside_ascii_arrives() -> None:
    async with smtp_sink() as sink:
        mail = Mail(to="jürgen@example.org", subject="s", body="b", template="t")
        await courier(f"smtp://127.0.0.1:{sink.port}/?disable_starttls=true").send(mail, id=ID)
    assert sink.envelopes[0].rcpt_tos == ["jürgen@example.org"]


def test_the_uri_says_all() -> None:
    assert SmtpTarget.parse("smtps://u:p@mail.example:1465/?server_name=mx.example") == SmtpTarget(
        "mail.example", 1465, True, False, True, "mx.example", "u", "p"
    )
    assert SmtpTarget.parse("smtp://mail.example") == SmtpTarget("mail.example", 25, False, True)
    assert SmtpTarget.parse("smtps://mail.example").port == 465
    assert SmtpTarget.parse("smtp://mail.example/?disable_starttls=false").starttls
    assert not SmtpTarget.parse("smtp://mail.example/?disable_starttls=1").starttls
    assert "hunter2" not in repr(SmtpTarget.parse("smtp://u:hunter2@mail.example"))


@pytest.mark.parametrize("uri", ["http://u:hunter2@mail.example", "smtp://", "smtp://u:hunter2@h:port/", "hunter2"])
def test_an_unusable_uri_is_named_by_its_place_and_not_repeated(uri: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=r"^/courier/smtp/connection_uri: ") as caught:
        SmtpTarget.parse(uri)
    assert "hunter2" not in str(caught.value)


def test_without_a_uri_there_is_no_smtp() -> None:
    with pytest.raises(ConfigurationInvalid, match="is missing"):
        SmtpCourier(CourierSettings(), CLOCK)


@pytest.mark.parametrize("sender", ["", "limen", "a b@limen.example", "x@y.example\r\nBcc: eve@example.org"])
def test_a_sender_that_is_no_address_is_refused_at_once(sender: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=r"^/courier/smtp/from_address: "):
        courier("smtp://127.0.0.1:1/", from_address=sender)
