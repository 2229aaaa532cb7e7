"""How fast our app on Ray Serve is, beside what else could serve the same model. `make bench-serve` runs it.

    windows    beats of a recorded ECG -> requests of one window, or of all windows of a 30 s video; bytes and back
    network    the network that ships, and one of a million parameters
    contenders who is compared, under which load
    limit      that network in a bare loop, with no server: what nothing can beat
    servers/   plain FastAPI, FastAPI with batches, LitServe, our app; the same bytes in and out
    processes  one server at a time, on loopback, ended by its process id; the processor time that it took
    client     requests: as many at once as asked, or as many a second as asked, coming again after a 429
    rounds     limit and servers in turn, forwards and backwards -> `measured`
    verdict    measured -> medians, ratios to the limit, targets; pure
    report     text and JSON of it; pure

What is compared is what lies between a request and its answer: HTTP, queue, batches, model. Decoding a video and
reading its trace take thousands of times longer and are in no path here. docs/serve-speed.md has the figures.
"""
