"""What a file's first bytes say: is it an ISO base media file (MP4) or a QuickTime movie?

Both are chains of boxes: 4 bytes of size, 4 of type (ISO/IEC 14496-12, section 4.2). New files begin with
`ftyp`; old QuickTime files begin with the movie, its data or padding.
"""

from __future__ import annotations

from types import MappingProxyType

HEAD_BYTES = 4096
"""How much of a file `is_movie` wants to see; 16 bytes are enough for a verdict."""

EXTENSIONS = MappingProxyType({"video/mp4": "mp4", "video/quicktime": "mov", "video/x-m4v": "m4v"})
"""The content types that are accepted, and how their objects end."""

_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_NO_MOVIES = frozenset({b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"M4A ", b"M4B ", b"crx "})


def content_type_of(declared: str) -> str:
    """Return a declared content type without parameters, in lower case."""
    return declared.partition(";")[0].strip().lower()


def is_movie(head: bytes, size: int) -> bool:
    """Tell whether `head`, the first bytes of a file of `size` bytes, begins an MP4 or a QuickTime movie."""
    if len(head) < 16 or head[4:8] not in _FIRST_BOXES:
        return False
    box_size = int.from_bytes(head[:4], "big")
    # 0: up to the end of the file; 1: a 64-bit size follows. Text that happens to spell a type has neither.
    if box_size not in (0, 1) and not 8 <= box_size <= size:
        return False
    return not (head[4:8] == b"ftyp" and head[8:12] in _NO_MOVIES)
