"""The statements about ledgers. SQLite and PostgreSQL differ in the mark of a parameter and in a type's name.

What is put together here are limen's own names; values are always parameters.
"""

TABLES = ("ledger_leaves", "ledger_nodes", "ledger_checkpoints")
_LEAF = "tile, hashes, positions, streams, versions"


def create(blob: str) -> tuple[str, ...]:
    """The tables, where there are none. `first` is the position of a tile's first event."""
    columns = ", ".join(f"{name} {blob} NOT NULL" for name in ("hashes", "positions", "streams", "versions"))
    return (
        f"CREATE TABLE IF NOT EXISTS ledger_leaves (tile BIGINT PRIMARY KEY, first BIGINT NOT NULL, {columns})",
        "CREATE INDEX IF NOT EXISTS ledger_leaves_first ON ledger_leaves (first)",
        f"CREATE TABLE IF NOT EXISTS ledger_nodes (level BIGINT NOT NULL, tile BIGINT NOT NULL, hashes {blob} NOT NULL,"
        " PRIMARY KEY (level, tile))",
        "CREATE TABLE IF NOT EXISTS ledger_checkpoints (number BIGINT PRIMARY KEY, size BIGINT NOT NULL,"
        " note TEXT NOT NULL)",
    )


LAST_LEAVES = f"SELECT {_LEAF} FROM ledger_leaves ORDER BY tile DESC LIMIT 1"
LAST_CHECKPOINT = "SELECT number, size, note FROM ledger_checkpoints ORDER BY number DESC LIMIT 1"
CHECKPOINTS = "SELECT number, size, note FROM ledger_checkpoints ORDER BY number"


def leaves(mark: str) -> str:
    """A tile of leaves by its number."""
    return f"SELECT {_LEAF} FROM ledger_leaves WHERE tile = {mark}"


def leaves_from(mark: str) -> str:
    """Tiles of leaves from a number on."""
    return f"SELECT {_LEAF} FROM ledger_leaves WHERE tile >= {mark} ORDER BY tile LIMIT {mark}"


def leaves_at(mark: str) -> str:
    """The last tile of leaves that begins at a position or before it."""
    return f"SELECT {_LEAF} FROM ledger_leaves WHERE first <= {mark} ORDER BY first DESC, tile DESC LIMIT 1"


def nodes(mark: str) -> str:
    """The hashes of a tile of nodes."""
    return f"SELECT hashes FROM ledger_nodes WHERE level = {mark} AND tile = {mark}"


def checkpoint(mark: str) -> str:
    """A checkpoint by its number."""
    return f"SELECT number, size, note FROM ledger_checkpoints WHERE number = {mark}"


def put_leaves(mark: str) -> str:
    """Puts a tile of leaves in the place of what is there."""
    replaced = ", ".join(f"{name} = excluded.{name}" for name in ("hashes", "positions", "streams", "versions"))
    return (
        f"INSERT INTO ledger_leaves ({_LEAF}, first) VALUES ({', '.join([mark] * 6)})"
        f" ON CONFLICT (tile) DO UPDATE SET {replaced}"
    )


def put_nodes(mark: str) -> str:
    """The same for a tile of nodes."""
    return (
        f"INSERT INTO ledger_nodes (level, tile, hashes) VALUES ({mark}, {mark}, {mark})"
        " ON CONFLICT (level, tile) DO UPDATE SET hashes = excluded.hashes"
    )


def put_checkpoint(mark: str) -> str:
    """Adds a checkpoint where there is none of its number."""
    return f"INSERT INTO ledger_checkpoints (number, size, note) VALUES ({mark}, {mark}, {mark}) ON CONFLICT DO NOTHING"
