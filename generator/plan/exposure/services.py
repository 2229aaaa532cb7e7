"""Protocols and ports as one line of numbers, so that rules compare as sets.

Protocol p with port q is p x 65,536 + q; ICMP has its type and code where others have a port, and a protocol without
ports has its whole block. `-1`, every protocol, is the whole line. So 22-80/tcp minus 22/tcp and 80/tcp is 23-79/tcp,
and `-1` covers each of them.
"""

from typing import Any, Final

from generator.plan.exposure.intervals import Intervals

BLOCK: Final = 65_536
NUMBERS: Final = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
NAMES: Final = {number: name for name, number in NUMBERS.items()}
WITH_PORTS: Final = (NUMBERS["tcp"], NUMBERS["udp"])
ICMP: Final = (NUMBERS["icmp"], NUMBERS["icmpv6"])

EVERYTHING: Final = Intervals(((0, 256 * BLOCK - 1),))


def services(protocol: Any, first: Any, last: Any) -> Intervals:
    """The services that a security group rule names.

    `protocol` is a name, a number or -1; `first` and `last` are FromPort and ToPort (for ICMP: type and code, where -1
    means all). What is not a literal counts as everything: a parameter may say anything.
    """
    name = str(protocol).lower()
    number = NUMBERS.get(name, int(name) if name.isdecimal() and int(name) < 256 else None)
    if number is None:
        return EVERYTHING
    start = number * BLOCK
    low, high = _number(first), _number(last)
    if number in ICMP and low is not None and low >= 0:
        codes = (low * 256, low * 256 + 255) if high is None or high < 0 else (low * 256 + high,) * 2
        return Intervals(((start + codes[0], start + codes[1]),))
    if number in WITH_PORTS and low is not None and low >= 0:
        return Intervals.of([(start + low, start + (high if high is not None and high >= 0 else low))])
    return Intervals(((start, start + BLOCK - 1),))


def words(some: Intervals) -> str:
    """`22/tcp, 8000-8010/tcp and 53/udp`; `all traffic` for the whole line."""
    if some == EVERYTHING:
        return "all traffic"
    said: list[str] = []
    for first, last in some.spans:
        while first <= last:
            number = first // BLOCK
            end = min(last, (number + 1) * BLOCK - 1)
            whole_blocks = (last + 1) // BLOCK - 1
            if first % BLOCK == 0 and whole_blocks > number:
                said.append(f"protocols {number}-{whole_blocks}")
                end = (whole_blocks + 1) * BLOCK - 1
            else:
                said.append(_block(number, first % BLOCK, end % BLOCK))
            first = end + 1
    return listed(said)


def listed(items: list[str], most: int = 8) -> str:
    """`a, b and c`; past `most` items, `a, b and 3 more`."""
    if len(items) > most:
        items = [*items[: most - 1], f"{len(items) - most + 1} more"]
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def _block(number: int, low: int, high: int) -> str:
    name = NAMES.get(number, f"protocol {number}")
    if (low, high) == (0, BLOCK - 1):
        return f"all {name}" if number in NAMES else name
    if number in ICMP:
        return f"{name} type {low // 256}" if low // 256 == high // 256 else f"{name} types {low // 256}-{high // 256}"
    return f"{low}/{name}" if low == high else f"{low}-{high}/{name}"


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
