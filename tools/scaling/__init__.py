"""How many boxes do N videos an hour need? `make scaling`; the model is docs/scaling.md.

    measure     videos -> seconds of one reading, one core      the only module that reads video
    plant       serve.yaml, arguments -> Plant                  what is declared, and what is assumed
    traffic     rate, profile, seed -> videos that arrive
    simulation  Plant + videos -> Outcome                       discrete events on a heap, pure
    theory      rate, service times, readers -> wait            closed form, pure
    sizing      the least boxes that keep the target, both ways
    __main__    arguments and tables

Random numbers come from seeds: the same command prints the same table.
"""
