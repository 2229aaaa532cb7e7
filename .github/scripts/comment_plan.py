"""Posts plan.yml's artifacts as comments of their pull request, one for each environment. comment.yml runs it, on main.

    artifact of the run -> text, shortened and defused -> the comment that carries our mark, made or replaced

An environment that does not change gets no comment, unless an earlier plan of the pull request has one to replace.

Only the standard library and the runner's `gh`. The artifact was written by the pull request's own code, a stranger's
perhaps: it is text here, never a command, a path or a number of anything.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ENVIRONMENTS = ("dev", "prod")
AUTHOR = "github-actions[bot]"
MOST = 60_000
"""Characters; GitHub takes 65,536 in a comment."""


def mark(environment: str) -> str:
    """What the comment about an environment begins with."""
    return f"<!-- ecgctl plan {environment} -->"


def idle(plan: str, environment: str) -> bool:
    """Whether the plan says that nothing changes."""
    return plan.strip() == f"### Plan for `{environment}`: nothing to change"


def comment_text(environment: str, plan: str, commit: str, run_url: str) -> str:
    """The comment: our mark, where it comes from, and the plan without mentions or marks of its own."""
    # A zero-width space after each @: nobody is called by a stranger's plan.
    plain = plan.replace("<!--", "&lt;!--").replace("@", "@\u200b")
    if len(plain) > MOST:
        plain = plain[:MOST] + f"\n\n... shortened; the whole plan is an artifact of [this run]({run_url})."
    origin = f"<sub>Computed by this pull request's own code at {commit[:12]}, in [this run]({run_url}).</sub>"
    said = plain.rstrip() or f"The run left no plan for `{environment}`; its log says why."
    return f"{mark(environment)}\n{said}\n\n{origin}\n"


def ours(environment: str, comments: list[dict[str, Any]]) -> int | None:
    """The id of the comment to replace. Others may copy the mark, so the author counts too."""
    mine = [one for one in comments if one["user"]["login"] == AUTHOR]
    return next((int(one["id"]) for one in mine if one["body"].startswith(mark(environment))), None)


def pull_request(found: list[dict[str, Any]], commit: str) -> int | None:
    """The number of the open pull request whose head is that commit; None where it has moved on or was closed."""
    return next((int(each["number"]) for each in found if each["head"]["sha"] == commit), None)


def _gh(*arguments: str, given: object = None) -> Any:
    text = json.dumps(given) if given is not None else None
    done = subprocess.run(["gh", *arguments], input=text, capture_output=True, text=True, check=True)
    return json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[")) else done.stdout


def main(surroundings: dict[str, str]) -> str:
    """Do it and say what was done. The event's own fields come as environment variables, set by comment.yml."""
    repository, commit = surroundings["REPOSITORY"], surroundings["COMMIT"]
    head = f"{surroundings['HEAD_OWNER']}:{surroundings['HEAD_BRANCH']}"
    query = ["-X", "GET", "-f", "state=open", "-f", f"head={head}"]
    number = pull_request(_gh("api", f"repos/{repository}/pulls", *query), commit)
    if number is None:
        return f"no open pull request has {commit[:12]} as its head: nothing to say"
    server = surroundings.get("GITHUB_SERVER_URL", "https://github.com")
    run_url = f"{server}/{repository}/actions/runs/{surroundings['RUN']}"
    comments = _gh("api", "--paginate", f"repos/{repository}/issues/{number}/comments")
    done = []
    for environment in ENVIRONMENTS:
        plan, before = _plan(repository, surroundings["RUN"], environment), ours(environment, comments)
        body = {"body": comment_text(environment, plan, commit, run_url)}
        if before is not None:
            _gh("api", "-X", "PATCH", f"repos/{repository}/issues/comments/{before}", "--input", "-", given=body)
            done.append(f"replaced the comment on #{number} about {environment}")
        elif not idle(plan, environment):
            _gh("api", "-X", "POST", f"repos/{repository}/issues/{number}/comments", "--input", "-", given=body)
            done.append(f"commented on #{number} about {environment}")
    return "\n".join(done) or f"#{number} changes no environment: nothing to say"


def _plan(repository: str, run: str, environment: str) -> str:
    """The text of a run's artifact; empty where it left none."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            _gh("run", "download", run, "--repo", repository, "--name", f"plan-{environment}", "--dir", folder)
        except subprocess.CalledProcessError as error:
            sys.stderr.write(f"plan-{environment}: {error.stderr}")
            return ""
        file = Path(folder) / "plan.md"
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() and not file.is_symlink() else ""


if __name__ == "__main__":
    sys.stdout.write(main(dict(os.environ)) + "\n")
