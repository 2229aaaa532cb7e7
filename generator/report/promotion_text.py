"""A promotion in words: for a terminal, and as the body of its pull request."""

from collections.abc import Iterator

from generator.model.released import Promotion
from generator.report.columns import table

_COMMITS = 20
_SHORT = 16


def promotion_text(found: Promotion) -> str:
    """What changes, line by line; one line where nothing does."""
    if found.empty:
        return f"{found.target} runs what {found.origin} runs ({found.since}); nothing to promote"
    lines = [f"from {found.origin} at {found.after.revision[:12]} ({found.since}) to {found.target}", ""]
    rows = [(one.name, one.kind.value, _short(one.before), _short(one.after)) for one in found.moved]
    lines += table(("ARTIFACT", "KIND", found.target.upper(), found.origin.upper()), rows) if rows else []
    lines += list(_notes(found))
    if found.commits:
        lines += ["", *(f"  {commit}" for commit in found.commits[:_COMMITS])]
        more = len(found.commits) - _COMMITS
        lines += [f"  and {more} more"] if more > 0 else []
    return "\n".join(lines)


def promotion_markdown(found: Promotion) -> str:
    """The same, as the head of a pull request's body."""
    head = (
        f"What `{found.origin}` runs ({found.since}) becomes what `{found.target}` runs. "
        f"Artifacts are built from {found.after.revision}."
    )
    lines = [head, "", f"| artifact | kind | {found.target} | {found.origin} |", "|---|---|---|---|"]
    lines += [f"| {one.name} | {one.kind.value} | {_code(one.before)} | {_code(one.after)} |" for one in found.moved]
    lines += ["", *_notes(found)]
    if found.commits:
        summary = f"{len(found.commits)} commits"
        lines += ["", f"<details><summary>{summary}</summary>", "", "```", *found.commits, "```", "</details>"]
    return "\n".join(lines) + "\n"


def _notes(found: Promotion) -> Iterator[str]:
    same = [one.name for one in found.after.artifacts if one.name not in {each.name for each in found.moved}]
    if same:
        yield f"the same: {', '.join(same)}"
    if found.serve_changed:
        yield "serve.yaml changes with them"
    if not found.pinned:
        yield f"so far {found.target} runs whatever is merged; from now on what was promoted last"


def _short(address: str) -> str:
    return address[:_SHORT] or "-"


def _code(address: str) -> str:
    return f"`{_short(address)}`" if address else "-"
