"""OCSF and Parquet: what an export says, as tables made from what it says it by."""

from collections.abc import Iterator

from limen.adapters.export import authentication as ocsf
from limen.adapters.export.parts import COLUMNS
from limen.adapters.reference.markdown import code, page, table

_INTRODUCTION = """What `limen audit export` writes; [Export the log](../how-to/export-the-log.md) says how.

## JSON lines

One event a line, as `limen log --json` shows it: `position`, `stream`, `kind`, `version`, `type`, `time`, `data`; the
fields of each type are in [Events](events.md). A sealed field is `{"sealed": true}`, with `--personal` what it holds,
and `{"erased": true}` where its key is gone."""
_PARQUET = """Columns of each file. `flow`, `flow_id`, `method` and `identity` are what an event is about, whatever
stream it stands in, and null where it is about none; everything else of an event is in `data`."""
_OCSF = f"""One event a line, of the class {ocsf.CLASS_NAME} (`class_uid` {ocsf.CLASS_UID}, `category_uid`
{ocsf.CATEGORY_UID}) of the Open Cybersecurity Schema Framework {ocsf.VERSION}. All attributes that are used have been
there since 1.3. `type_uid` is `class_uid * 100 + activity_id`. An event of the log is one of these, or none."""
_ALWAYS = (
    ("`metadata.uid`", "`stream:version` of the event: the same in every export"),
    ("`metadata.sequence`", "its position in the log"),
    ("`metadata.event_code`", "its type"),
    ("`metadata.original_time`", "its time to the microsecond; `time` is in milliseconds"),
    ("`metadata.correlation_uid`", "the flow it belongs to, if any"),
    ("`metadata.product`", "limen and its version"),
    (
        "`user.uid`",
        "the identity; of a refused attempt the one that was meant. Where nobody known was meant: `Unknown` by name",
    ),
    ("`session.uid`", "the session, of events of one; with `created_time`, `expiration_time`, `expiration_reason`"),
    ("`is_mfa`", "whether the session's level is above `aal1`; of events of sessions that begin"),
    ("`auth_protocol_id`, `auth_factors`", "by the method, as below"),
    ("`service.name`", "`limen`"),
    ("`unmapped`", "`flow` (its kind), `flow_type`, `aal`, `action` (the one that decided)"),
)
_PERSONAL = (
    ("`user.name`", "`traits.username`, else the address; of a refused try what was typed as identifier"),
    ("`user.email_addr`, `user.full_name`", "the first address; `traits.name`"),
    ("`actor.user`", "the same person, where it was they who did it"),
    ("`src_endpoint.ip`, `http_request.user_agent`", "of the session's device, or of the request that began the flow"),
)


def exports_page() -> str:
    """What an export holds, by format."""
    return page(
        "Exports",
        _INTRODUCTION,
        "## Parquet",
        _PARQUET,
        table(["column", "holds"], [[code(name), text] for name, text in COLUMNS]),
        "## OCSF",
        _OCSF,
        table(["event", "of flows", "activity", "status", "severity", "`status_detail`", "says"], _rows()),
        "### Attributes",
        table(["attribute", "holds"], _ALWAYS),
        "With `--personal` also:",
        table(["attribute", "holds"], _PERSONAL),
        "### Methods",
        "Any other method is told by its name, with `auth_protocol_id` and `factor_type_id` 99.",
        table(["method", "`auth_protocol_id`", "`factor_type_id`", "`factor_type`"], _methods()),
        "### Nothing is said of",
        table(["event", "why"], [[code(name), why] for name, why in ocsf.LEFT_OUT.items()]),
    )


def _rows() -> Iterator[list[str]]:
    for row in ocsf.ROWS:
        detail = f"its `{row.detail[1:]}`" if row.detail.startswith(":") else code(row.detail)
        named = [f"{ocsf.caption(one)} ({one.value})" for one in (row.activity, row.status, row.severity)]
        yield [code(row.type), ", ".join(row.flows) or "all", *named, detail, row.message]


def _methods() -> Iterator[list[str]]:
    for name, method in ocsf.METHODS.items():
        yield [code(name), str(method.protocol), str(method.factor), method.factor_name]
