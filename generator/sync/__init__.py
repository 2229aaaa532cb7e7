"""Make the world equal to a manifest.

manifest + templates           read from templates_out/, nothing else
  -> lease        one apply at a time; whoever holds it proves so before each act
  -> snapshot     every live stack, read once
  -> apply        course: each stack as soon as what it needs is done (`run`: what they share):
                    operation   states says what leads out of a bad state -> change set -> verify: as planned?
                                -> execute -> follow its events -> outputs for those that it feeds (`parameters`)
                    then the artifacts that the stack keeps, the `scan` of the images among them, and its gate;
                    last of all the state that the GPU box follows
  -> gates        what a stack deployed has to be healthy (`health`); where it is not, rollback goes back
  -> proof        the sample, read through what was deployed, has to agree with its truth (`agreement`); likewise
  -> prune        what Git dropped, and says so, goes
  -> ledger       who deployed what, and what came of it; `turn` holds lease and ledger for whoever acts
  -> progress     what happened, as data, for whoever shows it
drift             the other way out of step: resources changed by hand, and the way back
suspension        hands off, for everything above

Beside it: what is live in the shape of Git's tree (`live_tree`, of the box `live_box`), which the plan then reads; and
`status`, which judges by that plan and by `health`.

No I/O here: `ports` declares what is needed of AWS, the artifact stores and the clock; `generator/aws` implements it.
"""
