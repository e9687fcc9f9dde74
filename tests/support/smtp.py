"""A real SMTP server on loopback that keeps what it is sent."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from aiosmtpd.smtp import Session as SmtpSession


@dataclass
class SmtpSink:
    """What arrived. `reply` is the answer to RCPT or DATA instead of the good one, as `("RCPT", "550 no")`."""

    port: int = 0
    implicit_tls: bool = False
    received: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    greetings: list[str] = field(default_factory=list)
    reply: tuple[str, str] | None = None

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, server: SMTP, session: SmtpSession, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes any recipient, unless told otherwise."""
        if self.reply and self.reply[0] == "RCPT":
            return self.reply[1].format(address=address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        """Keeps the message, unless told otherwise."""
        if self.reply and self.reply[0] == "DATA":
            return self.reply[1]
        parsed = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.received.append(parsed)
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None or self.implicit_tls)
        self.greetings.append(str(session.host_name))
        return "250 OK"

    def login(self, server: SMTP, session: SmtpSession, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        """Takes anybody whose password is not `wrong`."""
        assert isinstance(given, LoginPassword)
        self.logins.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=given.password != b"wrong", handled=False)


@asynccontextmanager
async def smtp_sink(
    *, scheme: str = "smtp", tls: ssl.SSLContext | None = None, login: bool = False
) -> AsyncIterator[SmtpSink]:
    """Serves on a free port of 127.0.0.1, in the running loop. `login` demands credentials, in clear too.

    With `tls`, `smtps` speaks it from the first byte and `smtp` demands STARTTLS.
    """
    starttls = tls if scheme == "smtp" else None
    sink = SmtpSink(implicit_tls=tls is not None and starttls is None)

    def serve() -> SMTP:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
            return SMTP(
                sink,
                hostname="sink.example",
                enable_SMTPUTF8=True,
                tls_context=starttls,
                require_starttls=starttls is not None,
                authenticator=sink.login,
                auth_required=login,
                auth_require_tls=False,
            )

    server = await asyncio.get_running_loop().create_server(
        serve, "127.0.0.1", 0, ssl=tls if sink.implicit_tls else None
    )
    sink.port = server.sockets[0].getsockname()[1]
    async with server:
        yield sink
