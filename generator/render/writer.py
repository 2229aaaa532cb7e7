"""Trees of text on disk: the only part of rendering that touches files."""

from pathlib import Path

from generator.render.tree import Tree


def read_tree(folder: Path) -> Tree:
    """Read every YAML file below a folder; an absent folder is an empty tree."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.yaml"))
    }


def write_tree(folder: Path, tree: Tree) -> tuple[str, ...]:
    """Make a folder hold exactly this tree and return the paths that changed."""
    before = read_tree(folder)
    changed = [path for path in sorted({*before, *tree}) if before.get(path) != tree.get(path)]
    for path in changed:
        file = folder / path
        if path in tree:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(tree[path], encoding="utf-8")
        else:
            file.unlink()
    return tuple(changed)
