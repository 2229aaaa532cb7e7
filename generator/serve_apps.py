"""Which Ray Serve apps run on the GPU box, and with what. Data scientists edit this file; nothing else is needed.

To ship a model: change its folder or the numbers here, run `ecgctl render`, open a pull request. The merge deploys it.

On a g4dn.xlarge there are 4 CPUs and 1 GPU to give away. With the default handover (the new version starts beside the
old one, so that no request is lost) both versions must fit at once: declare half of the box at most.
"""

from generator.model.serve import Batching, Deployment, ServeApp, Slo

SERVE_APPS: tuple[ServeApp, ...] = (
    ServeApp(
        name="ecg_rhythm",
        folder="services/ray_serve/apps/ecg_rhythm",
        deployments=[
            # Speaks HTTP and passes events on; it computes nothing, so many requests fit into one.
            Deployment("Ingress", replicas=1, cpus=0.25, max_ongoing=64, max_queued=64),
            # Downloads, decodes and reads one video at a time; what does not fit waits, then is told to retry.
            Deployment("TraceReader", replicas=2, cpus=0.75, max_ongoing=1, max_queued=32),
            # Classifies the beats of several videos together. Half a GPU, so that two versions fit on one.
            Deployment(
                "BeatClassifier",
                replicas=1,
                cpus=0.25,
                gpus=0.5,
                batching=Batching(max_size=512, wait_ms=10),
                max_ongoing=64,
                max_queued=-1,
            ),
        ],
        slo=Slo(p99_ms=30_000, min_windows_per_s=200),
        owner="ecg-signal-team",
    ),
)
