"""Requests put together, counted in units. For `ecg_rhythm` a request is a whole video and a unit is one beat's window.

Per-request cost dominates small requests, so all of a video's units travel as one request, and videos share a batch up
to the declared number of units. A video with more units than that goes alone, through the model in slices.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from ray import serve

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Array = npt.NDArray[np.float32]


class BatchPolicy(BaseModel):
    """`batching` in a deployment's user_config, as rendered from `Batching` in generator/serve_apps.py."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_size: int = Field(default=256, ge=1)
    wait_ms: float = Field(default=5.0, ge=0)

    @classmethod
    def of(cls, user_config: Mapping[str, Any]) -> "BatchPolicy":
        """Raises pydantic's ValidationError; Ray then reports it, and the old configuration stays."""
        return cls.model_validate(user_config.get("batching", {}))


class Batcher(Generic[Item, Answer]):
    """Calls `run(items)` for several callers at once; `await batcher(item)` gives one caller its own answer.

    Make it in the deployment's constructor and call `configure` from its `reconfigure`.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        size: Callable[[Item], int],
        policy: BatchPolicy | None = None,
    ) -> None:
        self.policy = policy or BatchPolicy()
        self.seen: Counter[tuple[int, int]] = Counter()
        """How often a batch had (requests, units)."""

        def units(items: Sequence[Item]) -> int:
            total = sum(max(1, size(item)) for item in items)
            # Ray refuses an item that alone exceeds the limit; it may go, alone and in slices.
            return min(total, self.policy.max_size) if len(items) == 1 else total

        @serve.batch(  # type: ignore[untyped-decorator]  # ray is unchecked
            max_batch_size=self.policy.max_size,
            batch_wait_timeout_s=self.policy.wait_ms / 1000,
            batch_size_fn=units,
        )
        async def together(items: list[Item]) -> list[Answer]:
            self.seen[len(items), sum(size(item) for item in items)] += 1
            return list(await run(items))

        self._together = together

    async def __call__(self, item: Item) -> Answer:
        """One caller's answer. Raises what `run` raised, for every caller of that batch."""
        answer: Answer = await self._together(item)
        return answer

    def configure(self, policy: BatchPolicy) -> None:
        """Takes effect with the next batch; nothing restarts."""
        self.policy = policy
        self._together.set_max_batch_size(policy.max_size)
        self._together.set_batch_wait_timeout_s(policy.wait_ms / 1000)


def in_slices(run: Callable[..., Array], most: int, *arrays: Array) -> Array:
    """`run` over arrays that are equally long, at most `most` rows at a time: memory is bounded whatever comes."""
    rows = len(arrays[0])
    parts = [run(*(array[start : start + most] for array in arrays)) for start in range(0, max(rows, 1), most)]
    return np.concatenate(parts)


def apart(rows: Array, sizes: Sequence[int]) -> list[Array]:
    """Give each request its own rows back; `sizes` are in the order in which they were put together."""
    return np.split(rows, np.cumsum(sizes)[:-1])
