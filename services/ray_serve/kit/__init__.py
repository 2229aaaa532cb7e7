"""What every Ray Serve app gets, so that an app's folder holds only what is its own.

    contract    the request, and the events that answer it
    ingress     HTTP in, NDJSON out; a full queue is 429, a client that leaves cancels
    stage       blocking work in a thread that reports progress and can be cancelled
    storage     videos from S3 into bounded temporary files, pictures back
    batching    requests of many units put together, as declared in generator/serve_apps.py
    device      CUDA where there is one, else the CPU, chosen aloud
    warmup      a model runs before it counts as ready
    logs        one JSON object a line, with the job's id

`contract`, `device`, `logs`, `storage` and `warmup` know nothing of Ray; `batching` and `ingress` wrap it.
"""
