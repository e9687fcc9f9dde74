"""Looking: a flow as it stands, for whoever asks.

Settings show what is their person's alone: traits, the secret of an authenticator app, backup codes. The id of a flow
is no proof of being that person (it stands in addresses and logs), so it takes their session (as in Kratos).
"""

from uuid import UUID

from limen.domain.admission import Admission
from limen.domain.configuration import FlowKind
from limen.domain.errors import FlowExpired
from limen.domain.next_steps import with_flow
from limen.domain.outcome import FlowView
from limen.domain.revival import Revival, flow_of


async def look(revival: Revival, flow_id: UUID | str, session_token: str | None) -> FlowView:
    """The flow for its user. Raises `FlowNotFound`, `FlowExpired` when its time is over.

    Settings without a token are drawn as for nobody; with one that does not do, they raise like a submission, but who
    has to show a second factor first comes back to the page that shows them (Kratos).
    """
    flow = await revival.load(flow_of(flow_id))
    if flow.state == "expired" or (not flow.ended and revival.tools.clock.now() >= flow.expires_at):
        raise FlowExpired(flow.id)
    desk = await revival.desk(flow.configuration)
    await revival.key(flow)
    if flow.kind is FlowKind.SETTINGS:
        if session_token is None:
            return desk.presenter.view(flow, bare=True)
        signed_in = await desk.sessions.of(session_token)
        page = desk.rules.configuration.flow(flow.kind).ui_url
        Admission(desk.people).admit(flow, signed_in, with_flow(page, flow.id) if page else None)
        assert signed_in is not None
        return await desk.view(flow, signed_in.identity, signed_in.profile)
    owner = flow.identity_id if flow.requested_aal != "aal1" or flow.refresh else None
    identity = await desk.people.identity(owner) if owner else None
    profile = desk.people.profile(identity) if identity else None
    return await desk.view(flow, identity, profile)
