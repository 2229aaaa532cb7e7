"""Which Ray Serve apps run on the GPU box, and with what. Data scientists edit this file; nothing else is needed.

To ship a model: change its folder or the numbers here, run `ecgctl render`, open a pull request. The merge deploys it.
How an app's folder looks: docs/serve-apps.md.

On a g4dn.xlarge there are 4 CPUs and 1 GPU to give away. With the default handover (the new version starts beside the
old one, so that no request is lost) both versions of every app must fit at once: all apps together may declare half of
the box. What is declared is a reservation: a replica that works alone may use every core.
"""

from generator.model.serve import Batching, Deployment, ServeApp, Slo

SERVE_APPS: tuple[ServeApp, ...] = (
    ServeApp(
        name="ecg_rhythm",
        folder="services/ray_serve/apps/ecg_rhythm",
        deployments=[
            # Speaks HTTP and passes events on; it computes nothing, so many requests fit into one.
            Deployment("Ingress", replicas=1, cpus=0.1, max_ongoing=64, max_queued=64),
            # Downloads, decodes and reads one video at a time; what does not fit waits, then is told to retry.
            Deployment("TraceReader", replicas=2, cpus=0.6, max_ongoing=1, max_queued=32),
            # Classifies the beats of several videos together. Half a GPU, so that two versions fit on one. A window's
            # activations are 50,324 bytes in all.
            Deployment(
                "BeatClassifier",
                replicas=1,
                cpus=0.2,
                gpus=0.5,
                batching=Batching(max_size=2048, wait_ms=10, max_mb=128, unit_kb=65),
                max_ongoing=64,
                max_queued=-1,
            ),
        ],
        slo=Slo(p99_ms=30_000, min_windows_per_s=200),
        owner="ecg-signal-team",
    ),
    ServeApp(
        name="signal_quality",
        folder="services/ray_serve/apps/signal_quality",
        deployments=[
            Deployment("Ingress", replicas=1, cpus=0.1, max_ongoing=64, max_queued=64),
            # Downloads, decodes and grades one video at a time. No model, no GPU. Little is reserved, so that the box
            # has room for one more small app (`ecgctl serve new`).
            Deployment("Grader", replicas=1, cpus=0.2, max_ongoing=1, max_queued=32),
        ],
        # A window is one second of video here.
        slo=Slo(p99_ms=30_000, min_windows_per_s=5),
        owner="ecg-signal-team",
    ),
)
