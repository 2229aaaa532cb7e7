"""How fast a plan is, how much memory it takes, and how often it is right. Prints figures; `make bench-plan` runs it.

    .venv/bin/python tools/bench_plan.py [--stacks 100] [--resources 200] [--changed 10] [--changes 1000]

Each measurement is a process of its own, start included, best of three: that is what people wait for.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from generator.model.yaml_source import read  # noqa: E402
from tests.generator.plan.corpus import effect_cases, scenario_trees, scenarios  # noqa: E402
from tests.generator.plan.corpus import planned as engine  # noqa: E402
from tests.generator.plan.trees import files  # noqa: E402

_CDK = "@aws-cdk/cloudformation-diff"
_CDK_CHILD = f"""
import {{ fullDiff }} from '{_CDK}';
import {{ readFileSync }} from 'node:fs';
const [before, after] = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, 'utf8')));
console.log(fullDiff(before, after).differenceCount);
"""

_CHILD = """
import resource, sys
from pathlib import Path
from generator.plan.plan import plan
from generator.plan.reading import read_pair
def texts(root):
    return {str(p.relative_to(root)): p.read_text() for p in Path(root).rglob("*") if p.is_file()}
found = plan(*read_pair(*map(texts, sys.argv[1:])))
print(len(found.changes), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def stack(name: str, resources: int, feeds: str) -> str:
    """A template of roles, queues, alarms and parameters that refer to each other, and to another stack's output."""
    lines = [
        "Parameters:",
        f"  {feeds}: {{Type: String}}" if feeds else "  Unused: {Type: String, Default: x}",
        "Resources:",
    ]
    for index in range(resources):
        match index % 4:
            case 0:
                lines += [
                    f"  Queue{index}:",
                    "    Type: AWS::SQS::Queue",
                    "    Properties:",
                    "      VisibilityTimeout: 30",
                    "      Tags:",
                    "        - {Key: Project, Value: bench}",
                    f"        - {{Key: Name, Value: {name}-{index}}}",
                ]
            case 1:
                lines += [
                    f"  Role{index}:",
                    "    Type: AWS::IAM::Role",
                    "    Properties:",
                    "      AssumeRolePolicyDocument:",
                    "        Statement:",
                    "          - {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: 'sts:AssumeRole'}",
                    "      Policies:",
                    "        - PolicyName: one",
                    "          PolicyDocument:",
                    "            Statement:",
                    "              - Effect: Allow",
                    "                Action: 'sqs:SendMessage'",
                    f"                Resource: !GetAtt Queue{index - 1}.Arn",
                ]
            case 2:
                lines += [
                    f"  Alarm{index}:",
                    "    Type: AWS::CloudWatch::Alarm",
                    "    Properties:",
                    "      ComparisonOperator: GreaterThanThreshold",
                    "      EvaluationPeriods: 1",
                    "      Threshold: 30",
                    f"      Dimensions: [{{Name: QueueName, Value: !GetAtt Queue{index - 2}.QueueName}}]",
                ]
            case _:
                value = f'!Sub "${{{feeds}}}-{index}"' if feeds else f"value-{index}"
                lines += [
                    f"  Parameter{index}:",
                    "    Type: AWS::SSM::Parameter",
                    f"    Properties: {{Type: String, Value: {value}}}",
                ]
    lines += ["Outputs:", f"  {name}Out: {{Value: !GetAtt Queue0.Arn}}"]
    return "\n".join(lines) + "\n"


def trees(stacks: int, resources: int, changed: int, changes: int) -> tuple[dict[str, str], dict[str, str]]:
    """Two trees of a chain of stacks, of which `changed` have `changes` changed resources together."""
    names = [f"s{index:03}" for index in range(stacks)]
    before = {name: stack(name, resources, f"{names[i - 1]}Out" if i else "") for i, name in enumerate(names)}
    wires = {
        name: {f"{names[i - 1]}Out": {"stack": names[i - 1], "output": f"{names[i - 1]}Out"}}
        for i, name in enumerate(names)
        if i
    }
    after = dict(before)
    each = changes // changed
    for name in names[:: max(1, stacks // changed)][:changed]:
        text = after[name].replace("VisibilityTimeout: 30", "VisibilityTimeout: 60", each // 2)
        after[name] = text.replace("Threshold: 30", "Threshold: 60", each - each // 2)
    return files(before, wires), files(after, wires)


def measured(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[float, int, int]:
    """Seconds (best of three), changes and peak memory in MiB of one process that plans."""
    with tempfile.TemporaryDirectory() as folder:
        roots = []
        for name, tree in (("before", before), ("after", after)):
            for path, text in tree.items():
                place = Path(folder, name, path)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
            roots.append(str(Path(folder, name)))
        best, said = float("inf"), ""
        for _ in range(3):
            start = time.perf_counter()
            ran = subprocess.run(
                [sys.executable, "-c", _CHILD, *roots],
                check=True,
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            best, said = min(best, time.perf_counter() - start), ran.stdout
    count, peak = map(int, said.split())
    return best, count, peak


def dev() -> tuple[dict[str, str], dict[str, str]]:
    """The real dev tree, and the same with another image, so that the API is rolled."""
    root = ROOT / "templates_out/dev"
    tree = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*.yaml")}
    manifest = tree["manifest.yaml"]
    tag = next(line for line in manifest.splitlines() if "ImageTag:" in line)
    return tree, {**tree, "manifest.yaml": manifest.replace(tag, f"{tag[: tag.index(':')]}: src-changed")}


def beside_cdk() -> tuple[float, float] | None:
    """Seconds (best of three) of this plan and of CDK's own diff library over the api stack of dev, one property
    changed, each in a process of its own, by turns. None without npm; the library is installed below `.local/`."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return None
    folder = ROOT / ".local/bench"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules" / _CDK).exists():
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", _CDK], cwd=folder, check=True)
    (folder / "diff.mjs").write_text(_CDK_CHILD)
    before, after = dev()
    for name, tree in (("before", before), ("after", after)):
        template = read(tree["stacks/api.yaml"], name).data
        template["Resources"]["ApiService"]["Properties"]["DesiredCount"] = len(name)
        (folder / f"{name}.json").write_text(json.dumps(template))
    ours, theirs = float("inf"), float("inf")
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(["node", "diff.mjs", "before.json", "after.json"], cwd=folder, check=True, capture_output=True)
        theirs = min(theirs, time.perf_counter() - start)
        ours = min(ours, measured(before, after)[0])
    return ours, theirs


def quality() -> dict[str, tuple[float, float, int]]:
    """Effect -> precision, recall and number of cases over the labelled corpus."""
    pairs: list[tuple[str, str]] = [(case.effect, case.found()) for case in effect_cases()]
    for case in scenarios():
        found = engine(*scenario_trees(case)).effects()
        pairs += [(effect, found.get(where, "none")) for where, effect in case.get("effects", {}).items()]
    right = Counter(label for label, said in pairs if label == said)
    labels, sayings = Counter(label for label, _ in pairs), Counter(said for _, said in pairs)
    return {
        effect: (right[effect] / max(sayings[effect], 1), right[effect] / labels[effect], labels[effect])
        for effect in sorted(labels)
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Speed, memory and correctness of the plan.")
    parser.add_argument("--stacks", type=int, default=100)
    parser.add_argument("--resources", type=int, default=200)
    parser.add_argument("--changed", type=int, default=10)
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows: dict[str, Callable[[], tuple[dict[str, str], dict[str, str]]]] = {
        "dev, another image": dev,
        "dev, from nothing": lambda: ({}, dev()[0]),
        f"{given.stacks} stacks x {given.resources}, {given.changes} changes in {given.changed}": lambda: trees(
            given.stacks, given.resources, given.changed, given.changes
        ),
        f"half as many stacks, all changed ({given.changes * 5} changes)": lambda: trees(
            given.stacks // 2, given.resources, given.stacks // 2, given.changes * 5
        ),
        f"all {given.stacks} stacks changed ({given.changes * 10} changes)": lambda: trees(
            given.stacks, given.resources, given.stacks, given.changes * 10
        ),
    }
    results = {name: measured(*make()) for name, make in rows.items()}
    cdk = beside_cdk()
    found = quality()
    if given.json:
        print(json.dumps({"speed": results, "quality": found}, indent=1))
        return
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    for name, (seconds, count, peak) in results.items():
        print(f"{name:<58} {seconds:6.2f} s  {count:>6} changes  {peak:>4} MiB peak")
    if cdk is None:
        print("\nCDK's diff library: not measured, no npm here")
    else:
        ours, theirs = cdk
        print(
            f"\nthe whole dev tree here {ours:.2f} s, one stack with CDK's library {theirs:.2f} s: {ours / theirs:.2f}"
        )
    print(f"\n{'effect':<14} precision  recall  cases")
    for effect, (precision, recall, cases) in found.items():
        print(f"{effect:<14} {precision:9.3f} {recall:7.3f} {cases:6}")


if __name__ == "__main__":
    main()
