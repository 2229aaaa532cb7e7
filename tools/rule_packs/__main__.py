"""`make rule-packs`: what two rule packs find in each environment. Exit code 1 where nobody has explained something.

An explanation stands where `ecgctl policy` looks for them too: in the list `standing` of
generator/environments/ENV.exemptions.yaml, under `cdk-nag:` and the rule as the pack names it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from generator.checkout import ENVIRONMENTS
from generator.errors import EcgError
from generator.plan.exemptions import PACKS, Exemption, parse_standing
from generator.plan.facts import Finding, Severity
from generator.plan.policy import RULE_IDS, explained
from generator.planning import tree_of
from generator.policing import ToolFailed
from generator.report.policy_text import policy_text
from tools.rule_packs.one_template import one_template

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]

_SEVERITIES: Final = {"error": Severity.BLOCKER, "warning": Severity.WARNING}


def found_in(environment: str) -> Iterator[Finding]:
    """What the packs find in an environment as committed. Raises NoTree, InvalidTree, ToolFailed."""
    template, home = one_template(tree_of(ROOT, environment))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "all.json")
        file.write_text(json.dumps(template), encoding="utf-8")
        done = subprocess.run(["node", HERE / "check.mjs", file], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolFailed("cdk-nag", done.stderr.strip())
    for line in done.stdout.splitlines():
        yield finding(json.loads(line), home)


def finding(said: Mapping[str, str], home: Mapping[str, str]) -> Finding:
    """A line of check.mjs as a finding at a resource of one of our stacks."""
    severity, resource = _SEVERITIES[said["level"]], said["resource"]
    return Finding(f"{PACKS}{said['rule']}", severity, home[resource], resource, said["says"])


def reasons(environment: str) -> tuple[Exemption, ...]:
    """The entries of an environment's list `standing` that are about rule packs. Raises InvalidExemptions."""
    file = ROOT / ENVIRONMENTS / f"{environment}.exemptions.yaml"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return tuple(one for one in parse_standing(text, file.name, RULE_IDS) if one.rule.startswith(PACKS))


def main() -> None:
    """Ask the packs, and print."""
    parser = argparse.ArgumentParser(prog="make rule-packs", description=__doc__)
    parser.add_argument("environments", nargs="*", metavar="ENV", help="default: dev and prod")
    parser.add_argument("--brief", action="store_true", help="leave out what is explained, but for its number")
    given = parser.parse_args()
    pinned = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    packs = {"AWS Solutions and HIPAA Security of cdk-nag": pinned["cdk-nag"]}
    failed = False
    for environment in given.environments or ("dev", "prod"):
        try:
            judged = explained(found_in(environment), reasons(environment), date.today())  # noqa: DTZ011  a day
        except EcgError as error:
            sys.exit(f"error: {error}")
        print(policy_text(environment, packs, *judged, brief=given.brief))
        failed = failed or bool(judged[0])
    sys.exit(failed)


if __name__ == "__main__":
    main()
