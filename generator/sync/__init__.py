"""Make the world equal to a manifest.

manifest + templates           read from templates_out/, nothing else
  -> parameters   literals, outputs of live stacks, values that this target resolves
  -> apply        wave by wave, independent stacks side by side:
                    describe -> change set -> execute -> follow its events -> outputs for the next wave
                    then the artifacts whose store this wave made; last of all the state that the GPU box follows
  -> progress     what happened, as data, for whoever shows it

No I/O here: `ports` declares what is needed of AWS, the artifact stores and the clock; `generator/aws` implements it.
"""
