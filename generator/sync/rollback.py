"""Back to an earlier revision: through Git, at once from what the ledger keeps, or by itself where nothing works."""

from collections.abc import Mapping, Sequence

from generator.errors import EcgError
from generator.model.manifest import Manifest, parse
from generator.sync.apply import Outcome, apply
from generator.sync.errors import ApplyFailed, NotWorking
from generator.sync.ledger import Deployment, Ledger, Result
from generator.sync.progress import GoingBack, Report
from generator.sync.run import Options, Target


class RolledBack(ApplyFailed):
    """What was deployed does not work, and the last deployment that did is in place again."""

    def __init__(self, cause: NotWorking, to: Deployment) -> None:
        self.cause, self.to = cause, to
        super().__init__(
            f"{cause}\n  what was there before is deployed again: {_name(to)}, of {to.began:%Y-%m-%d %H:%M} UTC"
        )


class NothingToRollBackTo(EcgError):
    """The ledger knows no such deployment that succeeded."""

    exit_code = 2

    def __init__(self, environment: str, revision: str | None, known: Sequence[Deployment]) -> None:
        self.environment, self.revision = environment, revision
        good = ", ".join(dict.fromkeys(_name(one) for one in known if one.result is Result.SUCCEEDED)) or "none"
        what = f"no successful deployment of {revision}" if revision else "no earlier successful deployment"
        super().__init__(
            f"{environment} has {what}; successful ones: {good}\n  next: ecgctl history {environment}, then name one"
        )


def apply_or_go_back(
    manifest: Manifest, files: Mapping[str, str], target: Target, report: Report, options: Options
) -> Outcome:
    """Apply; where a health gate or the proof fails, apply the last deployment that succeeded again, without either.

    Both stand in the ledger. Raises RolledBack when the way back worked, NotWorking where the ledger knows nothing to
    go back to, what `apply` raises otherwise.
    """
    try:
        return apply(manifest, files, target, report, options)
    except NotWorking as error:
        ledger = Ledger(target.ledger, manifest.name) if target.ledger is not None else None
        to = _last_good(ledger.history(limit=100)) if ledger else None
        if ledger is None or to is None:
            raise
        report(GoingBack(_name(to), str(error)))
        before = ledger.files(to)
        note = f"rollback of {options.commit[:12] or 'what was applied'}: {str(error).splitlines()[0]}"
        # Half of what failed is deployed: whoever has suspended the environment meanwhile does not want that.
        back = Options(who=options.who, commit=to.commit, digest=to.digest, note=note, while_suspended=True)
        apply(parse(before["manifest.yaml"], f"manifest.yaml of {to.id}"), before, target, report, back)
        raise RolledBack(error, to) from error


def _last_good(history: Sequence[Deployment]) -> Deployment | None:
    """What a deployment that failed goes back to, from a history that begins with it.

    None where nothing succeeded before, or where it was the same tree: then the world has broken and not the change,
    and neither that tree again nor one from before it would mend it.
    """
    good = next((one for one in history if one.result is Result.SUCCEEDED), None)
    return good if good is not None and good.files != history[0].files else None


def good_before(history: Sequence[Deployment], environment: str, revision: str | None = None) -> Deployment:
    """The deployment to go back to, from a history with the newest first.

    With `revision` (a commit's or a deployment id's beginning): the newest good deployment of it. Without: the newest
    good one whose tree is another than the one deployed last, whatever came of that. Raises NothingToRollBackTo.
    """
    good = [one for one in history if one.result is Result.SUCCEEDED]
    if revision is not None:
        found = [one for one in good if one.commit.startswith(revision) or one.id.startswith(revision)]
    else:
        found = [one for one in good if one.files != history[0].files]
    if not found:
        raise NothingToRollBackTo(environment, revision, history)
    return found[0]


def revert_commands(to: Deployment, deployed: Deployment) -> tuple[str, ...]:
    """Commands that undo in Git what lies between two deployments; a merge of the result deploys it. Raises
    NothingToRollBackTo where the ledger does not know a commit of either."""
    if not to.commit or not deployed.commit:
        raise NothingToRollBackTo(to.environment, to.commit or None, (to,))
    branch = f"rollback-{to.environment}-{to.commit[:12]}"
    return (
        f"git switch --create {branch} {deployed.commit[:12]}",
        f"git revert --no-edit {to.commit[:12]}..{deployed.commit[:12]}",
        f"git push --set-upstream origin {branch}",
    )


def _name(deployment: Deployment) -> str:
    return deployment.commit[:12] or deployment.id
