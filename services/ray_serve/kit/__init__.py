"""What every Ray Serve app gets, so that an app's folder holds only what is its own (docs/serve-apps.md).

    contract    the request, and the events that answer it
    ingress     HTTP in, NDJSON out; a full queue is 429, a client that leaves cancels
    stage       blocking work in a thread that reports progress and can be cancelled
    storage     videos from S3 into bounded temporary files, pictures back; a golden case's from the package
    video       a file -> frames, streamed; refuses what is no video
    batching    requests of many units put together, bounded in units and memory, as declared in generator/serve_apps.py
    device      CUDA where there is one, else the CPU, chosen aloud
    warmup      a model runs before it counts as ready; what a unit takes of the GPU's memory
    golden      inputs that an app carries, and what must come out of them
    metrics     requests, stages, waits and batches, for Prometheus
    logs        one JSON object a line, with the job's id

Only `ingress`, `metrics` and the command of `golden` know Ray.
"""
