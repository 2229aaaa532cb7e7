"""Rules about access: nothing opened to the world, no right to everything, nothing public."""

import re
from collections.abc import Iterator
from typing import Final

from generator.plan.exposure import doors, edge, globs, network, placement, roles, routes, scales, services
from generator.plan.exposure.conditions import limits_who
from generator.plan.exposure.holders import Holder, Role
from generator.plan.exposure.services import listed
from generator.plan.exposure.statements import Grant, Scope
from generator.plan.exposure.world import Place
from generator.plan.facts import Direction, Exposure, ExposureKind, Severity
from generator.plan.policy.rule import Breach, Case, Rule

WEB: Final = services.services("tcp", 80, 80) | services.services("tcp", 443, 443)
"""What is meant to be reachable from anywhere, if anything is."""

BUCKETS: Final = ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::S3::AccessPoint")


def _open_to_world(case: Case) -> Iterator[Breach]:
    for opening, reached in network.wide_open(case.both):
        rule = opening.rule
        group = case.both.after.name(rule.group, rule.place[0]) if rule.group[0] else rule.group[1]
        said, block = services.words(reached), rule.block.text if rule.block else rule.words
        if rule.ingress:
            severity = Severity.WARNING if WEB.covers(reached) else None
            many = "are" if len(reached.spans) > 1 else "is"
            yield Breach(rule.place, f"{said} of {group} {many} opened to the whole internet ({block})", severity)
        elif not opening.new_group:
            sentence = f"{group} may reach the whole internet with {said} ({block})"
            yield Breach(rule.place, sentence, Severity.WARNING)


def _any_action(case: Case) -> Iterator[Breach]:
    for _, some in sorted(_by_action(case).items()):
        holder, grant, place = some[0]
        name, action = _name(case, holder, place), grant.action
        where = listed(list(dict.fromkeys(one.resource.words if one.resource else name for _, one, _ in some)))
        if action.everything or action.all_but:
            yield Breach(place, f"{_who(name, holder.role)} every action ({_written(action)}) on {where}")
        elif holder.role is Role.IDENTITY and action.patterns[0].text.endswith(":*"):
            anywhere = any(one.resource is not None and _any(one.resource) for _, one, _ in some)
            sentence = f"{name} is given every action of a service ({_written(action)}) on {where}"
            yield Breach(place, sentence, None if anywhere else Severity.WARNING)


def _by_action(case: Case) -> dict[tuple[Place, Holder, Scope], list[tuple[Holder, Grant, Place]]]:
    """What the change gives, but for trust: the resources of one action together."""
    given: dict[tuple[Place, Holder, Scope], list[tuple[Holder, Grant, Place]]] = {}
    for holder, grant, place in case.policies.given():
        if holder.role is not Role.TRUST:
            given.setdefault((place, holder, grant.action), []).append((holder, grant, place))
    return given


def _name(case: Case, holder: Holder, place: Place) -> str:
    return case.both.after.name(holder.place, place[0]) if holder.place[0] else holder.place[1]


def _condition_dropped(case: Case) -> Iterator[Breach]:
    for holder, grant, place, under in case.policies.freed():
        sentence = f"{_name(case, holder, place)}: {grant.action.words} was given only when {under}, and no longer is"
        yield Breach(place, sentence)


def _inside_out(case: Case) -> Iterator[Breach]:
    scales_ = [scale for scale in doors.SCALES if scale.kind is ExposureKind.NETWORK and scale.types[0] not in _EDGE]
    for move in scales.moves(case.both, scales_):
        if move.direction is Direction.WIDENED and move.was is not None:
            yield Breach(move.place, move.sentence)
    for place, start, sentence in routes.direct(case.both):
        if case.both.before.resource(start) is not None:
            yield Breach(place, sentence)
    for one in placement.moved(case.both):
        if one.direction is Direction.WIDENED:
            yield Breach((one.stack, one.resource), one.sentence)


_EDGE: Final = ("AWS::CloudFront::Distribution", "AWS::ElasticLoadBalancingV2::Listener")
"""Outside anyway; other rules look at them."""


def _who(name: str, role: Role) -> str:
    return f"{name} is given" if role is Role.IDENTITY else f"the policy of {name} gives"


def _written(action: Scope) -> str:
    return (
        f"NotAction {', '.join(one.words for one in action.patterns)}" if action.all_but else action.patterns[0].words
    )


def _any(resource: Scope) -> bool:
    return resource.everything or resource.all_but


def _pass_any_role(case: Case) -> Iterator[Breach]:
    for holder, grant, place in case.policies.given():
        if holder.role is not Role.IDENTITY or grant.resource is None or grant.action.all_but:
            continue
        pattern = grant.action.patterns[0].text
        every_role = _any(grant.resource) or globs.covers(grant.resource.patterns[0].text, "arn:aws:iam::*:role/*")
        every_role = every_role or grant.resource.patterns[0].text.endswith(":role/*")
        if pattern not in ("*", "*:*") and globs.covers(pattern, "iam:passrole") and every_role:
            limited = any(clause.key == "iam:passedtoservice" for clause in grant.condition)
            name = _name(case, holder, place)
            sentence = f"{name} may pass any role ({grant.action.words} on {grant.resource.words})"
            yield Breach(place, sentence, Severity.WARNING if limited else None)


def _administrator(case: Case) -> Iterator[Breach]:
    for place, policy in roles.attached(case.both):
        if what := roles.broad(policy):
            severity = None if policy in roles.EVERY_ACTION else Severity.WARNING
            yield Breach(place, f"{place[1]} gets {policy}: {what}", severity)


def _boundary_dropped(case: Case) -> Iterator[Breach]:
    for place, boundary in roles.unbound(case.both):
        yield Breach(place, f"{place[1]} is no longer held by the permissions boundary {boundary}")


def _trust_anyone(case: Case) -> Iterator[Breach]:
    manifest = case.both.after.tree.manifest
    ours = manifest.account if manifest else ""
    for holder, grant, place in case.policies.given():
        if holder.role is not Role.TRUST or grant.principal is None:
            continue
        name = _name(case, holder, place)
        if grant.principal.everything or grant.principal.all_but:
            if not limits_who(grant.condition):
                yield Breach(place, f"anyone may assume {name}")
        elif (account := ACCOUNT.match(grant.principal.patterns[0].text)) and account[1] != ours:
            yield Breach(place, f"account {account[1]} may assume {name} ({grant.principal.words})", Severity.WARNING)


ACCOUNT: Final = re.compile(r"(?:arn:[\w-]+:(?:iam|sts)::)?(\d{12})(?::|$)")
"""A principal of an account that is named by its number."""


def _public(case: Case) -> Iterator[Exposure]:
    return (one for one in case.exposures if one.kind is ExposureKind.PUBLIC and one.direction is Direction.WIDENED)


def _type(case: Case, one: Exposure) -> str:
    resource = case.both.after.resource((one.stack, one.resource))
    return resource.type if resource else ""


def _public_bucket(case: Case) -> Iterator[Breach]:
    for one in _public(case):
        if _type(case, one) in BUCKETS:
            yield Breach((one.stack, one.resource), one.sentence)


def _public_resource(case: Case) -> Iterator[Breach]:
    unsigned = {place for place, _ in edge.unsigned(case.both)}
    for one in _public(case):
        if _type(case, one) not in BUCKETS and (one.stack, one.resource) not in unsigned:
            yield Breach((one.stack, one.resource), one.sentence)


def _signature_dropped(case: Case) -> Iterator[Breach]:
    for place, path in edge.unsigned(case.both):
        yield Breach(place, f"{path} of {place[1]} no longer asks for a signed link")


def _denial_lifted(case: Case) -> Iterator[Breach]:
    for holder, grant, place in case.policies.lifted():
        name = _name(case, holder, place)
        if any(clause.key == "aws:securetransport" for clause in grant.condition):
            yield Breach(place, f"{name} may be reached without TLS: the statement that denies it goes")
        else:
            where = f"to {name}" if holder.role is Role.IDENTITY else f"on {name}"
            yield Breach(place, f"{grant.action.words} is no longer denied {where}", Severity.WARNING)


def _plain_http(case: Case) -> Iterator[Breach]:
    listeners = [scale for scale in doors.SCALES if scale.types == ("AWS::ElasticLoadBalancingV2::Listener",)]
    for move in scales.moves(case.both, listeners):
        if move.direction is Direction.WIDENED:
            yield Breach(move.place, move.sentence)
    for one in edge.found(case.both):
        if one.direction is Direction.WIDENED and "plain HTTP" in one.sentence:
            yield Breach((one.stack, one.resource), one.sentence)


RULES: Final = (
    Rule("open-to-world", "Nothing is opened to 0.0.0.0/0 or ::/0.", Severity.BLOCKER, _open_to_world),
    Rule("any-action", "Nobody is given every action.", Severity.BLOCKER, _any_action),
    Rule("pass-any-role", "Nobody may pass any role to a service.", Severity.BLOCKER, _pass_any_role),
    Rule(
        "administrator",
        "Nobody is given a managed policy that allows everything.",
        Severity.BLOCKER,
        _administrator,
    ),
    Rule("condition-dropped", "A permission keeps its condition.", Severity.WARNING, _condition_dropped),
    Rule(
        "inside-out",
        "What is inside the network is not put on the internet unnoticed.",
        Severity.WARNING,
        _inside_out,
    ),
    Rule("boundary-dropped", "A permissions boundary stays.", Severity.BLOCKER, _boundary_dropped),
    Rule("trust-anyone", "Not everyone may assume a role.", Severity.BLOCKER, _trust_anyone),
    Rule("public-bucket", "No bucket becomes public.", Severity.BLOCKER, _public_bucket),
    Rule("public-resource", "What anyone may read or call is looked at.", Severity.WARNING, _public_resource),
    Rule(
        "signature-dropped",
        "A path that asks for a signed link goes on asking.",
        Severity.BLOCKER,
        _signature_dropped,
    ),
    Rule("denial-lifted", "A statement that denies something stays.", Severity.BLOCKER, _denial_lifted),
    Rule("plain-http", "Nothing answers over plain HTTP.", Severity.WARNING, _plain_http),
)
