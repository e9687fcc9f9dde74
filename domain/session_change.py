"""Session change: what a completed flow writes of sessions: one issued, refreshed or strengthened, others ended."""

from dataclasses import replace
from datetime import datetime

from limen.domain.decision import Decision, switched_off
from limen.domain.identity import SessionOpened, SessionsClosed
from limen.domain.ports import VaultKey
from limen.domain.session import Session, SessionRevoked
from limen.domain.sessions import Sessions
from limen.domain.token import token_row
from limen.domain.token_exchange import return_row
from limen.domain.work import Work


class SessionChange:
    """Writes the sessions of one configuration."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.people = sessions.people

    async def record(self, work: Work, decision: Decision) -> None:
        """The session of the decision, issued or refreshed; its token goes to the vault."""
        session = decision.session
        if session is None or not session.pending:
            return
        secrets = self.sessions.secrets
        if decision.exchange is not None:
            work.step.put.append(return_row(decision, secrets))
        elif decision.session_token is not None:
            work.step.put.append(token_row(session, decision.session_token, secrets))
        elif kept := await self.people.streams.store.vault(session.id, "token"):
            work.step.put.append(replace(kept, expires_at=session.expires_at))
        decision.identity.record(
            SessionOpened, decision.at, flow_id=work.flow.id, session_id=session.id, expires_at=session.expires_at
        )
        work.add(session)

    async def strengthen(self, work: Work, decision: Decision, at: datetime) -> bool:
        """A factor that was set up has been shown too (Kratos); the actions saw the session as it was before.

        False where the session is over meanwhile. Whom an action switches off has none any more (actions.md).
        """
        if not decision.proven or switched_off(work.flow, decision):
            return True
        session = await self.sessions.strengthen(decision, work.flow, at)
        if session is None:
            return False
        decision.session = session
        work.add(session)
        return True

    async def revoke_others(self, work: Work, decision: Decision) -> None:
        """Ends every other active session of the identity, found through its own stream."""
        own = decision.session.id if decision.session else None
        ended = []
        for id_ in decision.identity.live_sessions(decision.at):
            if id_ == own:
                continue
            session = await self.people.streams.load(Session, id_)
            if session.active(decision.at):
                session.record(SessionRevoked, decision.at, reason="revoke_active_sessions", flow_id=work.flow.id)
                work.add(session)
                work.step.drop.append(VaultKey(id_, "token"))
            ended.append(id_)
        if ended:
            decision.identity.record(SessionsClosed, decision.at, session_ids=tuple(ended))
