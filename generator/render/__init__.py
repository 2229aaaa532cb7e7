"""Environment in, text out; the same bytes on every run.

environment, apps, addresses
  -> stacks      one troposphere.Template each
  -> yaml_text   Template -> YAML that reads like prose
  -> serve       apps -> the Serve configuration
  -> tree        wiring, waves, hashes -> manifest.yaml and all the rest
  -> writer      the only I/O: the tree on disk
"""
