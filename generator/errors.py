"""Errors that a user can fix; anything else that is raised is a bug of ours.

EcgError                        exit code
├── InvalidEnvironment   2      mistakes in a settings file, all of them (model/problems.py)
├── InvalidServeApps     2      mistakes in the declared Serve apps (model/serve_rules.py)
├── InvalidManifest      2      mistakes in a manifest (model/manifest.py)
├── InvalidTree          2      mistakes in a tree of templates_out/ (plan/reading.py)
├── InvalidExemptions    2      mistakes in an exemptions file (plan/exemptions.py)
├── InvalidYaml          2      text that is no YAML (model/yaml_source.py)
├── WiringError          2      parameters that no output feeds, or a circle (model/wiring.py)
├── NoPrefixList         2      a region without CloudFront's list of addresses (account/lock.py)
├── Unresolved           2      deploy-time values that nobody resolved (sync/errors.py)
├── NoRepository         2      and NoPublicKey, UnknownData, UnknownStack, NothingToRollBackTo: see their commands
├── UnknownEnvironment   2      and NotACheckout (checkout.py), UnknownRevision (revisions.py), NoTree (planning.py)
├── NoSample             2      nothing to prove a deployment with (proving.py)
├── StaleTemplates       1      templates_out/ is not what the generator makes (render/tree.py)
├── ApplyFailed          1      a stack, or an artifact, did not get where Git wants it (sync/errors.py)
│   └── GateFailed, ProofFailed, LeaseHeld, NotApproved, TeardownFailed, ...: not working, not alone, not allowed
├── NoStateBucket        1      and NotBootstrapped, StaleBootstrap: the administrator's stack (account/)
├── WrongAccount         1      the credentials belong to another account (deployment.py)
├── CallRefused          1      AwsRefused, below it: an AWS call failed and retrying cannot mend it (aws/errors.py)
├── ImageNotPublished    1      and ImageBuildFailed: nobody built the image that the manifest names (publish/)
├── AnalysisFailed       1      a video was not read (sync/proof.py); ScoringFailed: not scored (trial/run.py)
├── CannotScaffold       2      and UnknownApp, CheckFailed, AttemptFailed, ...: the workbench (workbench/errors.py)
├── ToolFailed           3      cfn-lint or cloudformation-validate did not run (policing.py)
└── LocalError           3      the local system did not start, is not running, or is busy (local/errors.py)
"""


class EcgError(Exception):
    """The user can fix it. The message says what, where, the offending value and what to do next."""

    exit_code = 1
