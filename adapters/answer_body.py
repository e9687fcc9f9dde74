"""An answer's body, read to a limit, compressed or not."""

import zlib
from typing import Final

import httpx

MAX_BODY: Final = 5 << 20
"""Bytes of an answer that are read at most, on the wire and unpacked. Kratos reads as many."""


class TooLarge(Exception):
    """The body does not end within the limit."""

    def __init__(self) -> None:
        super().__init__(f"the answer has more than {MAX_BODY >> 20} MiB")


async def read_body(response: httpx.Response) -> bytes:
    """The whole body. Raises `TooLarge` as soon as it is known; what a small file would unpack to is never held.

    gzip is unpacked, the one coding that was asked for. Raises `httpx.DecodingError` when it is broken.
    """
    packed = response.headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    held = bytearray()
    received = 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        if received > MAX_BODY:
            raise TooLarge
        held += _unpack(unpacker, chunk, MAX_BODY + 1 - len(held)) if packed else chunk
        if len(held) > MAX_BODY:
            raise TooLarge
    if packed and received and not unpacker.eof:
        raise httpx.DecodingError("the packed answer ends before its end")
    return bytes(held)


def _unpack(unpacker: "zlib._Decompress", chunk: bytes, most: int) -> bytes:
    try:
        return unpacker.decompress(chunk, most)
    except zlib.error:
        raise httpx.DecodingError("the answer is not the gzip it says it is") from None
