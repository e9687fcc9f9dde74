"""Key parts: shapes that stand in several places of the table of keys."""

from limen.adapters.configuration.shape import (
    BOOL,
    SECRET,
    TEXT,
    URI,
    Leaf,
    Many,
    Named,
    Shape,
    one_of,
)

PORT = Leaf("int", 1, 65535)
COUNT = Leaf("int", 1)
TEXTS = Many(TEXT)
HEADERS = Named(TEXT)
SECRET_HEADERS = Named(SECRET)
AAL = one_of("aal1", "highest_available")
SAME_SITE = one_of("Strict", "Lax", "None")
AUTH: Shape = {
    "type!": one_of("api_key", "basic_auth"),
    "config!": {"name": TEXT, "value": SECRET, "in": one_of("header", "cookie"), "user": TEXT, "password": SECRET},
}
REQUEST: dict[str, Shape] = {
    "url": Leaf("web_url", secret=True),
    "method": TEXT,
    "headers": SECRET_HEADERS,
    "body": URI,
    "auth": AUTH,
    "additionalProperties": BOOL,
}
SOCKET: Shape = {"owner": TEXT, "group": TEXT, "mode": Leaf("int", 0, 0o777)}
TLS: Shape = {"key": {"path": TEXT, "base64": SECRET}, "cert": {"path": TEXT, "base64": TEXT}}
REQUEST_LOG: Shape = {"disable_for_health": BOOL}
