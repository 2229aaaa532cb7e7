"""Posts plan.yml's artifact as the one comment of its pull request. Run by comment.yml, from main.

    artifact of the run -> text, shortened and defused -> the comment that carries our mark, made or replaced

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

MARK = "<!-- ecgctl plan -->"
AUTHOR = "github-actions[bot]"
MOST = 60_000
"""Characters; GitHub takes 65,536 in a comment."""


def comment_text(plan: str, commit: str, run_url: str) -> str:
    """The comment: our mark, where it comes from, and the plan without mentions or marks of its own."""
    # A zero-width space after each @: nobody is called by a stranger's plan.
    plain = plan.replace("<!--", "&lt;!--").replace("@", "@\u200b")
    if len(plain) > MOST:
        plain = plain[:MOST] + f"\n\n... shortened; the whole plan is an artifact of [this run]({run_url})."
    origin = f"<sub>Computed by this pull request's own code at {commit[:12]}, in [this run]({run_url}).</sub>"
    return f"{MARK}\n{plain.rstrip() or 'The run left no plan; its log says why.'}\n\n{origin}\n"


def ours(comments: list[dict[str, Any]]) -> int | None:
    """The id of the comment to replace. Others may copy the mark, so the author counts too."""
    return next((int(c["id"]) for c in comments if c["user"]["login"] == AUTHOR and c["body"].startswith(MARK)), None)


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
    with tempfile.TemporaryDirectory() as folder:
        _gh("run", "download", surroundings["RUN"], "--repo", repository, "--name", "plan", "--dir", folder)
        file = Path(folder) / "plan.md"
        plan = file.read_text(encoding="utf-8", errors="replace") if file.is_file() and not file.is_symlink() else ""
    run_url = (
        f"{surroundings.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}/actions/runs/{surroundings['RUN']}"
    )
    body = {"body": comment_text(plan, commit, run_url)}
    before = ours(_gh("api", "--paginate", f"repos/{repository}/issues/{number}/comments"))
    if before is None:
        _gh("api", "-X", "POST", f"repos/{repository}/issues/{number}/comments", "--input", "-", given=body)
        return f"commented on #{number}"
    _gh("api", "-X", "PATCH", f"repos/{repository}/issues/comments/{before}", "--input", "-", given=body)
    return f"replaced the comment on #{number}"


if __name__ == "__main__":
    sys.stdout.write(main(dict(os.environ)) + "\n")
