"""Rules: what a consumer may rely on and what it has to do, in words. They are part of the contract."""

from typing import Final

_TEXT: Final = """\
limen publishes every event it has recorded as a CloudEvent 1.0 in binary mode: attributes are headers, the data is
JSON. The operations here are limen's, which sends; a consumer receives. Each server says how events are found on it.

- **Order** holds within a stream (`subject`): its events come by `sequence` to a consumer that works on one at a time.
  Between streams nothing is promised; `position` is the place in the whole log.
- **At least once.** An event may come again, with the same `id`. Keep the ids of what has been done, in the same
  transaction as its effect, and pass over what is among them.
- **Gaps** show in `sequence`, which counts from 1 in each stream. A relay that was told to send only some types of
  events or kinds of flows leaves gaps on purpose, and so does a consumer that filters.
- **Replays.** A relay may be told to start over: the same events come with the same ids.
- **Personal data** (fields with `x-personal-data`) is left out unless the destination was made to get it; then
  `{"erased": true}` may stand in its place. When `<topic>.events.identity.erased` comes, forget the person whose id is
  its `subject`, with what you keep of that identity's sessions and flows, and remember the id: an event of the same
  person from another stream may come later, and a replayed one always does. Erasures belong to no flow, have no
  attribute `flow`, and are sent whatever flows a relay was told to send.
- **Too large.** What a bus would not take is sent without its largest fields. `omitted` names them; the data lacks
  them, whatever its schema requires.
- **What cannot be handled** must not hold up the rest: after some tries, keep it aside and acknowledge it. limen's own
  consumers keep it under `<topic>.dead.<group>` (on NATS in the stream `<topic>-dead`), with its own headers and data,
  and what went wrong in the headers `limen-group`, `limen-handler`, `limen-error`, `limen-attempts` and
  `limen-parked` (RFC 3339).
- **Versions.** `dataschema` names the event and its version; a changed event has a higher one. Pass over types and
  attributes that you do not know: more may join them.
- **Ory's format.** A destination may be told to speak as Ory's event streams do: under the same addresses, with Ory's
  names as `type`, without `dataschema`, and with Ory's documents as data, which are not described here.
"""


def rules(topic: str) -> str:
    """The rules as Markdown."""
    return _TEXT.replace("<topic>", topic)
