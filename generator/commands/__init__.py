"""Commands of `ecgctl` by what they are about: flags and words, no logic. `generator.cli` puts them together.

account   lock, bootstrap, doctor, destroy
"""
