"""Do two versions of an app say the same of one video? Numbers within a tolerance, everything else equal. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MOST_TOLD = 3
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Agreement:
    """What counts as the same. The defaults suit results that name a version and times beside what was found."""

    relative: float = 0.05
    """Numbers may differ by this share of the larger one, and by `absolute` where they are small."""
    absolute: float = 0.01
    ignored: frozenset[str] = frozenset({"app", "version", "timings_s", "overlay"})
    """Keys of the result itself that differ between versions by their nature."""

    def differences(self, stable: Mapping[str, Any], canary: Mapping[str, Any]) -> tuple[str, ...]:
        """The first few differences, in words; empty if they agree."""
        found = self._differing(
            {key: value for key, value in stable.items() if key not in self.ignored},
            {key: value for key, value in canary.items() if key not in self.ignored},
            "",
        )
        return tuple(one for one, _ in zip(found, range(_MOST_TOLD), strict=False))

    def _differing(self, stable: Any, canary: Any, where: str) -> Iterator[str]:
        match stable, canary:
            case ((int() | float()), (int() | float())) if not isinstance(stable, bool) and not isinstance(
                canary, bool
            ):
                same = math.isclose(stable, canary, rel_tol=self.relative, abs_tol=self.absolute)
            case Mapping(), Mapping():
                for key in {**stable, **canary}:
                    yield from self._differing(stable.get(key), canary.get(key), f"{where}.{key}" if where else key)
                return
            case ((list() | tuple()), (list() | tuple())):
                yield from self._differing_lists(stable, canary, where)
                return
            case _:
                same = type(stable) is type(canary) and stable == canary
        if not same:
            yield f"{where}: {_short(stable)} and {_short(canary)}"

    def _differing_lists(self, stable: Sequence[Any], canary: Sequence[Any], where: str) -> Iterator[str]:
        if len(stable) != len(canary):
            yield f"{where}: {len(stable)} and {len(canary)} entries"
            return
        for position, (one, other) in enumerate(zip(stable, canary, strict=True)):
            yield from self._differing(one, other, f"{where}.{position}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
