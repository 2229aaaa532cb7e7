"""Make the world equal to a manifest.

manifest + templates           read from templates_out/, nothing else
  -> lease        one apply at a time; whoever holds it proves so before each act
  -> snapshot     every live stack, read once
  -> apply        wave by wave, independent stacks side by side (`run`: what they share):
                    operation   states says what leads out of a bad state -> change set -> verify: as planned?
                                -> execute -> follow its events -> outputs for the next wave (`parameters`)
                    then the artifacts whose store this wave made, and the gate of the wave;
                    last of all the state that the GPU box follows
  -> gates        what the wave deployed has to be healthy (`health`); where it is not, rollback goes back
  -> ledger       who deployed what, and what came of it
  -> progress     what happened, as data, for whoever shows it

Beside it: what is live in the shape of Git's tree (`live_tree`, of the box `live_box`), which the plan then reads; and
`status`, which judges by that plan and by `health`.

No I/O here: `ports` declares what is needed of AWS, the artifact stores and the clock; `generator/aws` implements it.
"""
