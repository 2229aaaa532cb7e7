"""CIDR blocks as intervals of addresses, and in words."""

import re
from typing import Final, NamedTuple

from generator.plan.exposure.intervals import Intervals, Span

_IPV4: Final = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:/(\d{1,2}))?")


class Block(NamedTuple):
    """A CIDR block: IP version 4 or 6, first and last address as numbers, and its text."""

    version: int
    span: Span
    text: str

    @property
    def addresses(self) -> Intervals:
        """The addresses in it."""
        return Intervals((self.span,))


ANYWHERE: Final = {4: (0, 2**32 - 1), 6: (0, 2**128 - 1)}

AS_GOOD_AS_ANYWHERE: Final = {4: 2**31, 6: 2**124}
"""So many addresses are the internet, however they are cut up: half of IPv4, or half of 2000::/3.

Of IPv6 no other part is routed (IANA, Internet Protocol Version 6 Address Space, 2024-07).
"""


def block(text: str) -> Block | None:
    """The block that a text names; None where it names none. Bits behind the prefix do not count, as in EC2."""
    if match := _IPV4.fullmatch(text.strip()):
        *octets, prefix = (int(group) if group else 32 for group in match.groups())
        if max(octets) > 255 or prefix > 32:
            return None
        number = octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3]
        size = 2 ** (32 - prefix)
        first = number // size * size
        return Block(4, (first, first + size - 1), text.strip())
    if ":" not in text:
        return None
    from ipaddress import IPv6Network  # most plans hold no IPv6, and importing it takes longer than they do

    try:
        network = IPv6Network(text.strip(), strict=False)
    except ValueError:
        return None
    return Block(6, (int(network[0]), int(network[-1])), text.strip())


def words(some: Block) -> str:
    """`anywhere (0.0.0.0/0)`, `anywhere over IPv6 (::/0)`, or the block itself."""
    if some.span == ANYWHERE[some.version]:
        return f"anywhere ({some.text})" if some.version == 4 else f"anywhere over IPv6 ({some.text})"
    return some.text
