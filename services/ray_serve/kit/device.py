"""Which processor a model runs on, chosen explicitly and reported.

Ray's GPUs are a count, not a check. The box declares the GPUs of its instance type to Ray (`serve.yaml`, `x-ecg.box`),
and on a laptop the same number is declared though there is none: so the same `serve.yaml`, with the same capacity, runs
on both. What the model really gets is decided here: CUDA where this replica was given one that works, else the CPU.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """`torch_name` is what torch calls it; `name` is what people call it."""

    torch_name: str
    name: str

    @property
    def kind(self) -> str:
        """`cuda` or `cpu`, as results report it."""
        return self.torch_name.partition(":")[0]

    def peak_bytes(self, run: Callable[[], object]) -> int | None:
        """Call `run`; the device memory that it took at its highest, over what was taken before. None on a CPU.

        What torch's allocator gave out counts, not what it keeps in reserve.
        """
        if self.kind != "cuda":
            run()
            return None
        import torch

        torch.cuda.synchronize(self.torch_name)
        torch.cuda.reset_peak_memory_stats(self.torch_name)
        before = torch.cuda.memory_allocated(self.torch_name)
        run()
        torch.cuda.synchronize(self.torch_name)
        return int(torch.cuda.max_memory_allocated(self.torch_name) - before)


def choose_device() -> Device:
    """CUDA if this process sees a working one, else the CPU.

    Ray hides all GPUs from a replica that did not ask for one, so only a deployment that declares `gpus` gets CUDA.
    """
    import torch  # takes seconds; the agent reads this module without it

    if torch.cuda.is_available():
        return Device("cuda:0", torch.cuda.get_device_name(0))
    return Device("cpu", f"CPU, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    # The agent asks in a process of its own, and so does not keep torch in memory.
    import json
    import sys

    device = choose_device()
    sys.stdout.write(json.dumps({"kind": device.kind, **asdict(device)}) + "\n")
