"""What a check says: stages in their order, each passed, or with what, where and next. Data only."""

from dataclasses import dataclass, field
from enum import StrEnum

from generator.workbench.measurements import Served


class Stage(StrEnum):
    """In the order in which they run; the first that fails is the last."""

    DECLARATION = "declaration"
    SCHEMA = "schema"
    IMPORTS = "imports"
    GOLDEN = "golden"
    SERVED = "served"
    SLO = "slo"


@dataclass(frozen=True)
class Outcome:
    """How a stage ended. `words`: what was seen, or what is wrong; `where` and `action` where it failed."""

    stage: Stage
    passed: bool
    words: str
    where: str = ""
    action: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Checked:
    """One app's stages."""

    app: str
    outcomes: tuple[Outcome, ...] = field(default=())
    served: Served | None = None

    @property
    def passed(self) -> bool:
        """Did every stage that ran pass?"""
        return all(one.passed for one in self.outcomes)
