"""Messages to people by SMTP (RFC 5321), as `courier.smtp` of a Kratos configuration says."""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import aiosmtplib

from limen.domain.configuration import CourierSettings
from limen.domain.errors import ConfigurationInvalid, Fault, LimenError
from limen.domain.ports import Clock, Mail

TIMEOUT = 10.0
"""Seconds for each exchange with the server, as in Kratos."""
_PORTS = {"smtp": 25, "smtps": 465}
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
"""What Go's `strconv.ParseBool`, and so Kratos, takes for true."""


class MailNotSent(LimenError):
    """A message could not be handed over.

    `reason` is `unreachable`, `timeout`, `tls`, `credentials`, `refused` (by the server, with its reply code in
    `status`) or `address` (no such thing as an e-mail address). Sending again may help where `permanent` is false.
    The server's own words are left out: they tend to quote the recipient.
    """

    id = "mail_not_sent"

    def __init__(self, reason: str, *, status: int | None = None, permanent: bool = False) -> None:
        self.reason = reason
        self.status = status
        self.permanent = permanent
        code = f", reply {status}" if status is not None else ""
        advice = "correct it" if permanent else "it may be sent again"
        super().__init__(f"the message was not sent ({reason}{code}); {advice}")


@dataclass(frozen=True, slots=True)
class SmtpTarget:
    """A `courier.smtp.connection_uri`, read.

    `smtps` is TLS from the first byte; `smtp` must be upgraded by STARTTLS unless `?disable_starttls=true` leaves it
    in clear. `?skip_ssl_verify=true` trusts any certificate; `?server_name=` is the name expected in it.
    """

    host: str
    port: int
    implicit_tls: bool
    starttls: bool
    verify: bool = True
    server_name: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, uri: str) -> "SmtpTarget":
        """Raises `ConfigurationInvalid` at `/courier/smtp/connection_uri`, without its text: it holds a password."""
        try:
            parts = urlsplit(uri)
            port = parts.port
        except ValueError:
            raise _unusable("is not a URI") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise _unusable("must be smtp://[user:password@]host[:port]/ or smtps://…")
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            implicit_tls=parts.scheme == "smtps",
            starttls=parts.scheme == "smtp" and query.get("disable_starttls") not in _TRUE,
            verify=query.get("skip_ssl_verify") not in _TRUE,
            server_name=query.get("server_name"),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    async def place(self) -> dict[str, Any]:
        """Where to connect, as aiosmtplib takes it. Raises `OSError`.

        It knows one name for the address and the certificate; where they differ it is given an open connection.
        """
        if self.server_name is None:
            return {"hostname": self.host, "port": self.port}
        connection = await asyncio.to_thread(socket.create_connection, (self.host, self.port), TIMEOUT)
        connection.setblocking(False)
        return {"hostname": self.server_name, "sock": connection}

    def trust(self) -> ssl.SSLContext | None:
        """The rules for the server's certificate (TLS 1.2 at least); None where there is no TLS."""
        if not (self.implicit_tls or self.starttls):
            return None
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class SmtpCourier:
    """Implements the `Courier` port by one SMTP connection a message.

    The same id gives the same `Message-ID`, so that a mail server can tell a message sent twice from two messages.
    """

    local = False

    def __init__(self, settings: CourierSettings, clock: Clock) -> None:
        if settings.connection_uri is None:
            raise ConfigurationInvalid([Fault("/courier/smtp/connection_uri", "is missing")])
        try:
            self._sender = Address(settings.from_name, addr_spec=settings.from_address)
        except (ValueError, IndexError, MessageError):
            raise ConfigurationInvalid([Fault("/courier/smtp/from_address", "is not an e-mail address")]) from None
        self._settings = settings
        self._target = SmtpTarget.parse(settings.connection_uri)
        self._trust = self._target.trust()
        self._clock = clock

    async def send(self, mail: Mail, *, id: UUID) -> None:
        """Hands the message to the server. Raises `MailNotSent`."""
        message = self._message(mail, id)
        target = self._target
        try:
            async with aiosmtplib.SMTP(
                **await target.place(),
                local_hostname=self._settings.local_name,
                timeout=TIMEOUT,
                use_tls=target.implicit_tls,
                start_tls=False,
                tls_context=self._trust,
            ) as client:
                await self._introduce(client)
                await client.send_message(message, sender=self._settings.from_address, recipients=[mail.to])
        except (aiosmtplib.SMTPException, OSError) as failure:
            raise _translated(failure) from None

    async def _introduce(self, client: aiosmtplib.SMTP) -> None:
        """STARTTLS first, whatever the server offers: without it nothing is said, the credentials least of all."""
        if self._target.starttls:
            await client.ehlo()
            if not client.supports_extension("starttls"):
                raise MailNotSent("tls")
            await client.starttls()
        if self._target.username is not None:
            await client.login(self._target.username, self._target.password or "")

    def _message(self, mail: Mail, id: UUID) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = _address(mail.to)
        message["Subject"] = " ".join(mail.subject.split())
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{id}@{self._sender.domain}>"
        for name, value in self._settings.headers.items():
            del message[name]
            message[name] = value
        message.set_content(mail.body)
        return message


def _address(text: str) -> Address:
    """The address, which may go beyond ASCII (RFC 6531). Raises `MailNotSent` for what is none."""
    try:
        if text.isascii():
            return Address(addr_spec=text)
        name, _, domain = text.rpartition("@")
        if not name or any(sign.isspace() or sign in '<>",;:()[]\\' for sign in text):
            raise ValueError("no address")
        return Address(username=name, domain=domain)
    except (ValueError, IndexError, MessageError):
        raise MailNotSent("address", permanent=True) from None


def _unusable(message: str) -> ConfigurationInvalid:
    return ConfigurationInvalid([Fault("/courier/smtp/connection_uri", message)])


def _translated(failure: Exception) -> MailNotSent:
    """The failure at the edge, by what can be done about it. Replies of 500 and above are final (RFC 5321, 4.2.1)."""
    if isinstance(failure, aiosmtplib.SMTPRecipientsRefused):
        status = failure.recipients[0].code if failure.recipients else None
        return MailNotSent("refused", status=status, permanent=status is not None and status >= 500)
    if isinstance(failure, aiosmtplib.SMTPAuthenticationError):
        return MailNotSent("credentials", status=failure.code, permanent=failure.code >= 500)
    if isinstance(failure, aiosmtplib.SMTPResponseException):
        return MailNotSent("refused", status=failure.code, permanent=failure.code >= 500)
    if isinstance(failure, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return MailNotSent("timeout")
    if isinstance(failure, ssl.SSLError) or isinstance(failure.__cause__, ssl.SSLError):
        return MailNotSent("tls")
    return MailNotSent("unreachable")
