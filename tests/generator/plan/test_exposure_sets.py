"""The algebra under exposure: intervals, ports, addresses and patterns of IAM."""

import random
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.plan.exposure import addresses, globs, services
from generator.plan.exposure.intervals import Intervals, segments
from generator.plan.facts import Direction
from tests.generator.plan.exposure_trees import exposed, one_stack, resource, sentences

patient = settings(deadline=None, max_examples=60)
"""Other processes may hold the machine up for longer than a deadline."""

numbers = st.integers(0, 60)
spans = st.lists(st.tuples(numbers, numbers), max_size=6)
sets = spans.map(Intervals.of)


def members(some: Intervals) -> set[int]:
    return {number for number in range(70) if number in some}


@patient
@given(sets, sets)
def test_interval_operations_are_those_of_sets(one: Intervals, other: Intervals) -> None:
    assert members(one | other) == members(one) | members(other)
    assert members(one & other) == members(one) & members(other)
    assert members(one - other) == members(one) - members(other)
    assert one.covers(other) is (members(one) >= members(other))
    assert one.size == len(members(one))


@patient
@given(sets, sets)
def test_what_is_gained_and_lost_are_apart_and_make_up_the_difference(before: Intervals, after: Intervals) -> None:
    gained, lost = after - before, before - after
    assert not gained & lost
    assert members(gained | lost) == members(before) ^ members(after)
    assert (before - lost) | gained == after


@patient
@given(sets, sets)
def test_equal_sets_are_equal_objects(one: Intervals, other: Intervals) -> None:
    assert (one == other) is (members(one) == members(other))


@patient
@given(st.lists(sets, max_size=4))
def test_a_segment_lies_whole_in_each_set_or_not_at_all(some: list[Intervals]) -> None:
    pieces = segments(some)
    assert set().union(*(members(Intervals((piece,))) for piece in pieces)) == set().union(*map(members, some))
    assert all(one.covers(Intervals((piece,))) or not one & Intervals((piece,)) for one in some for piece in pieces)


@pytest.mark.parametrize(
    ("protocol", "first", "last", "words"),
    [
        ("tcp", 22, 22, "22/tcp"),
        ("6", "8000", "8010", "8000-8010/tcp"),
        ("tcp", 0, 65535, "all tcp"),
        ("-1", None, None, "all traffic"),
        (-1, -1, -1, "all traffic"),
        ("icmp", -1, -1, "all icmp"),
        ("icmp", 3, 4, "icmp type 3"),
        ("50", None, None, "protocol 50"),
        ("udp", 53, 53, "53/udp"),
    ],
)
def test_a_rule_s_services_read_as_people_write_them(protocol: object, first: object, last: object, words: str) -> None:
    assert services.words(services.services(protocol, first, last)) == words


def test_every_protocol_covers_any_service() -> None:
    assert services.EVERYTHING.covers(services.services("tcp", 22, 22))
    assert (
        services.words(services.EVERYTHING - services.services("tcp", 0, 65535)) == "protocols 0-5 and protocols 7-255"
    )


@pytest.mark.parametrize("text", ["300.0.0.0/8", "10.0.0.0/33", "somewhere", "", "2001:::/3"])
def test_what_is_no_address_block_is_none(text: str) -> None:
    assert addresses.block(text) is None


def test_bits_behind_the_prefix_do_not_count() -> None:
    one, other = addresses.block("10.1.2.3/8"), addresses.block("10.0.0.0/8")
    assert one is not None
    assert other is not None
    assert one.span == other.span


letters = st.text("ab*?", max_size=6)


@patient
@given(letters, letters)
def test_covering_is_never_wrong_and_meeting_never_misses(wide: str, narrow: str) -> None:
    chance = random.Random(f"{wide} {narrow}")
    for _ in range(20):
        text = "".join(
            "".join(chance.choices("abc", k=chance.randrange(3)))
            if c == "*"
            else chance.choice("abc")
            if c == "?"
            else c
            for c in narrow
        )
        if fnmatchcase(text, wide):
            assert globs.meet(wide, narrow)
        elif globs.covers(wide, narrow):
            pytest.fail(f"{wide} is said to cover {narrow}, but not {text}")


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("s3:get*", "s3:getobject", True),
        ("s3:*", "s3:get*", True),
        ("s3:getobject", "s3:get*", False),
        ("arn:aws:s3:::videos/*", "arn:aws:s3:::videos/a/*", True),
        ("arn:aws:s3:::videos/a/*", "arn:aws:s3:::videos/*", False),
        ("s3:get?bject", "s3:getobject", True),
        ("s3:get?bject", "s3:get*", False),
        ("*", "", True),
    ],
)
def test_patterns_of_iam_cover_each_other(wide: str, narrow: str, expected: bool) -> None:
    assert globs.covers(wide, narrow) is expected


blocks = st.sampled_from(
    ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "192.0.2.0/24", "::/0", "2001:db8::/32"]
)
ports = st.tuples(st.integers(0, 200), st.integers(0, 80)).map(lambda pair: (pair[0], pair[0] + pair[1]))
rules = st.lists(st.tuples(st.sampled_from(["tcp", "udp", "-1"]), ports, blocks), max_size=4)


def tree(some: list[tuple[str, tuple[int, int], str]]) -> dict[str, object]:
    written = [
        {"IpProtocol": protocol, "FromPort": first, "ToPort": last, "CidrIpv6" if ":" in cidr else "CidrIp": cidr}
        for protocol, (first, last), cidr in some
    ]
    return {"Group": resource("AWS::EC2::SecurityGroup", GroupName="g", SecurityGroupIngress=written)}


@patient
@given(rules, rules)
def test_the_reverse_change_says_the_reverse(
    before: list[tuple[str, tuple[int, int], str]], after: list[tuple[str, tuple[int, int], str]]
) -> None:
    forth = exposed(one_stack(tree(before)), one_stack(tree(after)))
    back = exposed(one_stack(tree(after)), one_stack(tree(before)))
    assert {(one.resource, one.kind) for one in forth if one.direction is Direction.WIDENED} == {
        (one.resource, one.kind) for one in back if one.direction is Direction.NARROWED
    }
    assert len(forth) == len(back)


@patient
@given(rules)
def test_a_tree_against_itself_exposes_nothing(some: list[tuple[str, tuple[int, int], str]]) -> None:
    assert sentences(exposed(one_stack(tree(some)), one_stack(tree(list(reversed(some)))))) == []


@patient
@given(rules, rules)
def test_widened_and_narrowed_tell_exactly_whether_some_packet_is_let_in_otherwise(
    before: list[tuple[str, tuple[int, int], str]], after: list[tuple[str, tuple[int, int], str]]
) -> None:
    def lets_in(some: list[tuple[str, tuple[int, int], str]]) -> set[tuple[str, int, int]]:
        points = [addresses.block(cidr) for cidr in ("10.1.2.3", "10.1.9.9", "10.9.9.9", "192.0.2.1", "8.8.8.8")]
        points += [addresses.block(cidr) for cidr in ("2001:db8::1", "2600::1")]
        inside = set()
        for protocol, (first, last), cidr in some:
            block = addresses.block(cidr)
            for index, point in enumerate(points):
                if block and point and block.version == point.version and block.addresses.covers(point.addresses):
                    named = ("tcp", "udp", "other") if protocol == "-1" else (protocol,)
                    low, high = (0, 300) if protocol == "-1" else (first, last)
                    inside |= {(name, index, port) for name in named for port in range(low, high + 1)}
        return inside

    old, new = lets_in(before), lets_in(after)
    found = exposed(one_stack(tree(before)), one_stack(tree(after)))
    assert any(one.direction is Direction.WIDENED for one in found) is bool(new - old)
    assert any(one.direction is Direction.NARROWED for one in found) is bool(old - new)
