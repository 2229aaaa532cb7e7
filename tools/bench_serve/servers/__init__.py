"""The servers. All take the same bytes and answer the same bytes, with as many model processes as there are cores.

plain     FastAPI without batches, as the specification has the model server
batched   FastAPI with batches put together in its own process
lit       LitServe, from requirements/bench.txt
ours      the app's BeatClassifier on Ray Serve; on_ray starts it as the reconciler would
"""
