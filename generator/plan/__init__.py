"""Two trees of `templates_out/<env>` in, one frozen Plan out. No I/O, no credentials, no generator.

text, text
  -> tree          what each tree says: manifest, templates in canonical form, Serve configuration
  -> difference    which properties of which resources differ
  -> effects       what CloudFormation does about each: in place, interruption, replacement, ... with proof
  -> blast         what a replaced resource drags along, through Ref, GetAtt, Sub, Outputs and wiring, to a fixed point
  -> fate          what becomes of the data of what is replaced or removed
  -> deployability, exposure, cost, rollout, serve, policy      what a reviewer has to know about it
  -> facts.Plan    all of that as data, with a digest of its effect
"""
