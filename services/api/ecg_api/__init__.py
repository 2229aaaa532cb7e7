"""The service in front: takes ECG videos in, has them analysed, hands results out.

    main -> app              the process: settings, clients, lifespan; the ASGI application
      routes*, asking        HTTP in and out: videos, people, operation; who asks
      problems               every error is a problem document
        signed_cookies       a browser's way to its owner's files at the CDN
        access               from a bearer token to a principal; tokens: the checks; principals: who that is
        videos               what a caller can do with a video
        event_stream         a job's changes as server-sent events
        operations           how apps and environment do, from what others report
      worker                 takes jobs from the queue and has the model server analyse them
        circuit              when to leave the model server alone
      sweep                  settles what nobody would come back to
    jobs, media, ids, uploads, cursors, limits, metrics    pure: the job, its state machine, a file's first bytes,
                             identifiers, parts of an upload, places in a list, how often one may ask, what is measured
    job_table, queue, objects, analysis    the rim: DynamoDB, SQS, S3, the model server
    provider, reports, edge, tracing       the rim: the sign-in provider, reports in the artifacts bucket, the CDN, a
                                           collector of traces

`videos` and `worker` declare the small protocols that they need; only the last rows do I/O, and nothing
blocks the event loop: boto3 is called in threads (it is what the rest of the project uses and what its
test doubles understand; an asynchronous copy of it would be a second, lagging botocore to pin).
"""
