"""What a change costs a month, and what an environment costs altogether.

Each tree is priced by itself; a change's lines are where the two differ. Three things come from the changes instead:
what stays behind and is paid for although no stack knows it any longer, a final snapshot, and `during`.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

from generator.plan.cost_charges import Billing, Charge, Kind, Unpriced
from generator.plan.cost_pricers import price
from generator.plan.cost_prices import PriceBook, price_book
from generator.plan.facts import Action, Cost, CostLine, Fate, ResourceChange
from generator.plan.rollout_durations import Durations, durations
from generator.plan.rollout_services import Rolling
from generator.plan.tree import Tree

_Key = tuple[str, str, Kind]

_SAME = 1e-9
"""USD below which two amounts are one: sums of floats."""
_SERVICE = "AWS::ECS::Service"


def cost(
    before: Tree,
    after: Tree,
    changes: Sequence[ResourceChange],
    book: PriceBook | None = None,
    times: Durations | None = None,
) -> Cost:
    """What a change does to the monthly bill, in USD.

    `before` and `after` are of the stacks that the trees yield: a pair that was read lazily leaves out those that are
    the same on both sides, which changes neither the lines nor the difference.
    """
    book, times = book or price_book(), times or durations()
    old, old_unknown = price(before, book)
    new, new_unknown = price(after, book)
    lines = [*_differences(old, new), *_left_behind(old, changes, book)]
    was = math.fsum(charge.monthly for charge in old)
    changed = math.fsum(line.after - line.before for line in lines)
    return Cost(
        before=was,
        after=was + changed,
        during=math.fsum(_overlaps(old, changes, after, times, book)),
        lines=tuple(lines),
        unpriced=tuple(_moved(old_unknown, new_unknown, changes)),
    )


def cost_table(tree: Tree, book: PriceBook | None = None) -> Cost:
    """The monthly bill of a whole environment in USD; `before` is 0 throughout."""
    charges, unknown = price(tree, book or price_book())
    return Cost(
        before=0.0,
        after=math.fsum(charge.monthly for charge in charges),
        during=0.0,
        lines=tuple(_line(None, charge) for charge in charges),
        unpriced=tuple(str(one) for one in unknown),
    )


def _differences(old: Iterable[Charge], new: Iterable[Charge]) -> Iterator[CostLine]:
    was, now = ({_key(charge): charge for charge in charges} for charges in (old, new))
    for key in (*was, *(key for key in now if key not in was)):
        before, after = was.get(key), now.get(key)
        if abs((after.monthly if after else 0.0) - (before.monthly if before else 0.0)) > _SAME:
            yield _line(before, after)


def _key(charge: Charge) -> _Key:
    return charge.stack, charge.resource, charge.kind


def _line(before: Charge | None, after: Charge | None) -> CostLine:
    shown = after or before
    assert shown is not None  # noqa: S101 one of both is given
    item = shown.item
    if before and after and before.item != after.item:
        item = f"{before.item} -> {after.item}"
    return CostLine(
        stack=shown.stack,
        resource=shown.resource,
        item=item,
        before=before.monthly if before else 0.0,
        after=after.monthly if after else 0.0,
        assumption=shown.assumption,
        source=shown.source,
    )


def _left_behind(old: Iterable[Charge], changes: Iterable[ResourceChange], book: PriceBook) -> Iterator[CostLine]:
    """What goes on being paid for: resources that a stack lets go of but does not delete, and snapshots of volumes."""
    leaving = {(change.stack, change.resource): change.fate for change in changes if change.fate}
    for charge in old:
        match leaving.get((charge.stack, charge.resource)):
            case Fate.RETAINED | Fate.ORPHANED if charge.stays:
                why = "it stays, and is paid for until somebody deletes it"
                yield CostLine(
                    charge.stack,
                    charge.resource,
                    f"left behind: {charge.item}",
                    0.0,
                    charge.monthly,
                    why,
                    charge.source,
                )
            case Fate.SNAPSHOTTED if charge.kind is Kind.VOLUME:
                rate = book.rates["ebs.snapshot"]
                gigabytes = float(charge.item.split(" GB", 1)[0])
                yield CostLine(
                    charge.stack,
                    charge.resource,
                    f"snapshot of {charge.item}",
                    0.0,
                    gigabytes * rate.usd,
                    "as if the volume were full",
                    rate.source,
                )


def _overlaps(
    old: Iterable[Charge], changes: Sequence[ResourceChange], after: Tree, times: Durations, book: PriceBook
) -> Iterator[float]:
    """USD, once, for what runs beside its own successor: from the new one's start to the old one's end."""
    by_resource: dict[tuple[str, str], list[Charge]] = {(one.stack, one.resource): [] for one in changes}
    for charge in old:
        if (charge.stack, charge.resource) in by_resource:
            by_resource[charge.stack, charge.resource].append(charge)
    for change in changes:
        charges = by_resource[change.stack, change.resource]
        if change.action is Action.REPLACE and change.fate in (Fate.DESTROYED, Fate.SNAPSHOTTED, None):
            minutes = times.minutes(change.type, "create") + times.minutes(change.type, "delete")
            share = 1.0
        elif change.action is Action.UPDATE and change.type == _SERVICE:
            rolling = Rolling.of(change.stack, change.resource, after)
            minutes = times.minutes(change.type, "update")
            share = rolling.extra_share if rolling and rolling.starts_tasks(change) else 0.0
        else:
            continue
        for charge in charges:
            match charge.billing:
                case Billing.SECOND:
                    yield share * charge.monthly / book.hours * minutes / 60
                case Billing.HOUR:
                    yield share * charge.monthly / book.hours * math.ceil(minutes / 60)
                case Billing.USE:
                    pass


def _moved(old: Iterable[Unpriced], new: Iterable[Unpriced], changes: Iterable[ResourceChange]) -> Iterator[str]:
    """Of what has no price: what comes, what goes, and what changes."""
    was, now = {str(one): one for one in old}, {str(one): one for one in new}
    touched = {(change.stack, change.resource) for change in changes}
    for text, one in (was | now).items():
        if (text in was) != (text in now) or (one.stack, one.resource) in touched:
            yield text
