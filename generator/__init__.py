"""Git holds the desired state, Python generates it, machines keep the world equal to it.

environments/ + serve_apps.py   what people edit
  -> model      frozen settings and manifests, validated
  -> parts, stacks              Environment -> templates
  -> render     templates -> text, the tree under templates_out/
  -> sync       manifest + live state -> calls, in waves, through ports that it declares
  -> aws, publish, local        the ports implemented: the only code that touches the outside
  -> cli        `ecgctl`

Everything up to `sync` is pure: it neither reads the environment nor opens a connection.
"""

__version__ = "0.1.0"
