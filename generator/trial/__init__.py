"""`make run`: the whole pipeline on this machine, proved by reading a sample video.

run         render -> embedded AWS -> apply, until healthy -> the sample through the public address -> scorecard
scorecard   a result beside the truth, for people
target      the embedded AWS as something to apply to
"""
