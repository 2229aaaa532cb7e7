"""The service in front: takes ECG videos in, has them analysed, hands results out.

    main -> app              the process: settings, clients, lifespan; the ASGI application
      routes, problems       HTTP in and out; every error is a problem document
        videos               what a caller can do with a video
        event_stream         a job's changes as server-sent events
      worker                 takes jobs from the queue and has the model server analyse them
        circuit              when to leave the model server alone
    jobs, media, ids         pure: the job, its state machine, a file's first bytes, identifiers
    job_table, queue, objects, analysis    the rim: DynamoDB, SQS, S3, the model server

`videos` and `worker` declare the small protocols that they need; only the last row does I/O, and nothing
blocks the event loop: boto3 is called in threads (it is what the rest of the project uses and what its
test doubles understand; an asynchronous copy of it would be a second, lagging botocore to pin).
"""
