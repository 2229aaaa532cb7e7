"""Errors that a user can fix; anything else that is raised is a bug of ours.

EcgError                        exit code
├── InvalidEnvironment   2      mistakes in a settings file, all of them (model/problems.py)
├── InvalidManifest      2      mistakes in templates_out/, all of them (model/manifest.py)
├── WiringError          2      parameters that no output feeds, or that go round in a circle (model/wiring.py)
├── Unresolved           2      deploy-time values that nobody resolved (sync/errors.py)
├── StaleTemplates       1      templates_out/ is not what the generator makes (render/tree.py)
├── ApplyFailed          1      a stack, or an artifact, did not get where Git wants it (sync/errors.py)
├── AwsRefused           1      an AWS call failed for a reason that retrying cannot mend (aws/errors.py)
└── MissingTool          3      something of the local system is not installed or did not start
"""


class EcgError(Exception):
    """The user can fix it. The message says what, where, the offending value and what to do next."""

    exit_code = 1


class MissingTool(EcgError):
    """A program or environment that a command needs is not there."""

    exit_code = 3

    def __init__(self, what: str, next_step: str) -> None:
        self.what = what
        self.next_step = next_step
        super().__init__(f"{what}\n  next: {next_step}")
