"""Durations and moments as people type them."""

import re
from datetime import UTC, datetime, timedelta

import click

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Span(click.ParamType[timedelta]):
    """A duration such as 30s, 10m, 2h or 1d."""

    name = "duration"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if (span := _span(value)) is None:
            self.fail(f"{value!r} is no duration; write 30s, 10m, 2h or 1d", param, ctx)
        return span


class Moment(click.ParamType[datetime]):
    """A moment: a duration from now, or an ISO date and time, in UTC unless it says otherwise."""

    name = "moment"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if (span := _span(value)) is not None:
            return datetime.now(UTC) + span
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no moment; write 2h, 1d or 2027-01-31T18:00 (UTC)", param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


class PastMoment(Moment):
    """The same, but a duration is of time gone by."""

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, str) and (span := _span(value)) is not None:
            return datetime.now(UTC) - span
        return super().convert(value, param, ctx)


def _span(text: str) -> timedelta | None:
    found = re.fullmatch(r"(\d+)([smhd])", text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
