"""Back to an earlier revision: through Git, or at once from what the ledger keeps."""

from collections.abc import Sequence

from generator.errors import EcgError
from generator.sync.ledger import Deployment, Result


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
