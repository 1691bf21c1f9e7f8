"""A receipt file in a page's address, after the #, which browsers send to nobody.

`#r=` and base64url without padding (RFC 4648 §5) of the file, compressed as raw deflate
(RFC 1951). The page reads it: offchain/explorer/src/link.js.
"""

from __future__ import annotations

import base64
import zlib
from importlib import resources
from pathlib import Path

from counterfoil.errors import LinkTooLong, MalformedFile
from counterfoil.formats.strict_json import MAX_BYTES

MARK = "#r="

MAX_LINK = 64_000
"""Longest fragment, in characters: what all browsers and most messengers carry."""

_RAW = -15
"""zlib's name for deflate without a header, window of 2^15."""


def fragment_of(raw: bytes) -> str:
    """A file's part of a link.

    Raises:
        LinkTooLong: over `MAX_LINK` characters.
    """
    packer = zlib.compressobj(9, wbits=_RAW)
    packed = packer.compress(raw) + packer.flush()
    fragment = MARK + base64.urlsafe_b64encode(packed).decode().rstrip("=")
    if len(fragment) > MAX_LINK:
        raise LinkTooLong(
            f"the link would have {len(fragment)} characters, over {MAX_LINK}: send the file, "
            "or a link without what it opens (--no-openings)"
        )
    return fragment


def file_of(link: str) -> bytes:
    """The file in a link.

    Raises:
        MalformedFile: the link holds none, or is cut off.
    """
    _, mark, packed = link.partition(MARK)
    try:
        if not mark or len(packed) > MAX_LINK:
            raise ValueError
        packer = zlib.decompressobj(wbits=_RAW)
        raw = packer.decompress(
            base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), MAX_BYTES
        )
        if not packer.eof:
            raise ValueError
    except (ValueError, zlib.error) as error:
        raise MalformedFile("the link holds no receipt, or is cut off") from error
    return raw


def shipped_page() -> str:
    """Address of the page that the package brings, on this machine's disk."""
    found = resources.files("counterfoil") / "server" / "explorer" / "index.html"
    return Path(str(found)).as_uri()
