"""Two trees of `templates_out/<env>` in, one frozen Plan out. No I/O, no credentials, no generator.

texts, texts
  reading        manifest and templates, every mistake with its line; what is the same on both sides stays unparsed
    template       one template: parameters, conditions and mappings resolved as far as they can be known
    canonical      intrinsics in one form
  -> tree        Tree: what an environment says
  changes        created, changed, replaced, removed
    difference     which properties differ, at their deepest path, by the type's own shapes
      documents      policies in one form
    effects        what CloudFormation does about each, with proof
      behaviour      behaviour_table.jsonl (from AWS's schemas) under behaviour_overlay.yaml (from AWS's documentation)
    blast          what changed resources drag along, through references, outputs and wires, to a fixed point
    fate           what becomes of what leaves its stack, and of its data
  deployability  what stands in the way: names, limits, renames, circles, exports
    renames, scaling, leftovers, doors
  exposure, cost, rollout, serve, policy      what a reviewer has to know about it
  digest         SHA-256 over the effect
  -> plan        facts.Plan: all of that as data; provenance adds which line of Python made it
"""
