"""The words that everything else speaks: frozen, typed, without I/O but for loading a settings file.

environment   what engineers declare          serve      what data scientists declare
manifest      the desired state as committed   wiring     how stacks feed each other, and in which waves
names         names composed from settings     rules      what settings must be to make sense together
yaml_source   YAML that remembers its lines    problems   mistakes with their place, reported together

environment_file   a settings file -> Environment, or every mistake in it
"""
