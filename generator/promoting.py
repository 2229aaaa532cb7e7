"""Promotion: what one environment runs becomes what the next one runs. The rim, with files, Git and the ledger.

    proved | committed     what FROM runs, as a release: out of the ledger, or of the checkout
    promotion              that, beside what TO runs now
    write                  the release file of TO, and TO rendered with it

Both environments render from the same tree, so settings and stacks need no promotion; what is built does
(docs/decisions/0009-promotion.md).
"""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from generator.checkout import TEMPLATES
from generator.desired import environment, release_of, release_path
from generator.errors import EcgError
from generator.model.manifest import parse
from generator.model.released import Promotion, Released, released
from generator.planning import plan_environment
from generator.proposing import Proposal, propose
from generator.render.tree import release_text, render_released
from generator.render.writer import read_tree, write_tree
from generator.report.plan_markdown import LIMIT, plan_markdown
from generator.report.promotion_text import promotion_markdown
from generator.revisions import UnknownRevision, subjects_between, tree_at
from generator.state_bucket import head
from generator.sync.ledger import Ledger

BUILT_FROM = ("services", "frontend", "generator/serve_apps.py")
_MANIFEST, _SERVE = "manifest.yaml", "serve.yaml"


class NothingProved(EcgError):
    """The environment to promote from never had a deployment that succeeded."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"no deployment of {name} has succeeded lately, so nothing of it is proved\n"
            f"  next: ecgctl apply {name}, or promote what is committed for it: --committed"
        )


class NotInGit(EcgError):
    """What was deployed cannot be built again from a commit."""

    def __init__(self, name: str, commit: str) -> None:
        self.name, self.commit = name, commit
        where = f"commit {commit[:12]} does not hold it" if commit else "its commit is not known"
        super().__init__(
            f"what {name} runs cannot be built again: {where}\n"
            f"  next: git fetch origin; or commit it, ecgctl apply {name}, and promote then"
        )


def proved(root: Path, origin: str, ledger: Ledger) -> tuple[Released, str]:
    """What the last successful deployment of an environment brought, and when that was, in words.

    Raises NothingProved; NotInGit where Git cannot give back what it was built from.
    """
    good = ledger.last_good()
    if good is None:
        raise NothingProved(origin)
    files = ledger.files(good)
    try:
        kept = tree_at(root, good.commit, origin) if good.commit else {}
    except UnknownRevision:
        kept = {}
    if any(kept.get(path) != files[path] for path in (_MANIFEST, _SERVE)):
        raise NotInGit(origin, good.commit)
    manifest = parse(files[_MANIFEST], _MANIFEST)
    when = f"deployed {good.began:%Y-%m-%d %H:%M} UTC by {good.who}"
    return released(manifest, files[_SERVE], manifest.revision or good.commit), when


def committed(root: Path, origin: str) -> tuple[Released, str]:
    """What is committed for an environment, deployed or not. Raises NotInGit where nothing is."""
    commit = head(root)
    files = tree_at(root, commit, origin) if commit else {}
    if _MANIFEST not in files:
        raise NotInGit(origin, commit)
    manifest = parse(files[_MANIFEST], _MANIFEST)
    return released(manifest, files[_SERVE], manifest.revision or commit), "committed, deployed or not"


def promotion(root: Path, target: str, after: Released, since: str) -> Promotion:
    """Put a release beside what Git wants of an environment. Raises UnknownEnvironment, InvalidManifest."""
    environment(root, target)
    pinned = (root / release_path(target)).exists()
    before = release_of(root, target) if pinned else _rendered(root, target)
    try:
        commits = subjects_between(root, before.revision, after.revision, BUILT_FROM) if before.revision else ()
    except UnknownRevision:
        commits = ()
    return Promotion(after.origin, target, before, after, since, commits, pinned)


def _rendered(root: Path, name: str) -> Released:
    """What an environment without a release file runs: what `templates_out/` says of it."""
    files = read_tree(root / TEMPLATES / name)
    if _MANIFEST not in files:
        return Released((), "", "")
    manifest = parse(files[_MANIFEST], f"templates_out/{name}/{_MANIFEST}")
    return replace(released(manifest, files.get(_SERVE, ""), ""), origin="")


def write(root: Path, found: Promotion) -> tuple[Path, ...]:
    """Write TO's release file and what it renders to, in a checkout; the paths that changed, below it."""
    file = release_path(found.target)
    text = release_text(found.target, found.after)
    changed = [] if (root / file).exists() and (root / file).read_text(encoding="utf-8") == text else [file]
    (root / file).write_text(text, encoding="utf-8")
    folder = TEMPLATES / found.target
    rendered = write_tree(root / folder, render_released(environment(root, found.target), found.after))
    return (*changed, *(folder / path for path in rendered))


def propose_promotion(root: Path, found: Promotion) -> Proposal:
    """Push a branch with it and open a pull request whose body says what it brings. Raises GitRefused."""

    def edit(folder: Path) -> tuple[tuple[Path, ...], str]:
        changed = write(folder, found)
        planned, revision = plan_environment(folder, found.target, "HEAD")
        said = promotion_markdown(found)
        reproduce = f"ecgctl plan {found.target} --base {head(root)[:12] or revision}"
        return changed, f"{said}\n{plan_markdown(planned, reproduce, LIMIT - len(said))}"

    digest = sha256(release_text(found.target, found.after).encode()).hexdigest()[:8]
    title = f"Promote {found.origin} to {found.target}: {found.after.revision[:12]}"
    return propose(root, f"promote-{found.target}-{digest}", title, edit)
