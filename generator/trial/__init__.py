"""`make run`: the whole pipeline on this machine, proved by reading a sample video.

run         render -> embedded AWS -> apply -> stand-ins healthy -> the sample through the public address -> scorecard
box         the GPU box, as it reports itself
client      the API as a program uses it
scorecard   a result beside the truth, for people
target      the embedded AWS as something to apply to
"""
