"""What an environment costs a month: every line, and the specification's own table beside ours."""

import dataclasses
import json

from click import style

from generator.plan.cost import cost_table
from generator.plan.cost_specification import SpecificationRow, spec_comparison
from generator.plan.tree import Tree


def cost_text(tree: Tree) -> str:
    """Two tables: all lines, then the comparison with the specification; USD a month."""
    cost = cost_table(tree)
    lines = [style("a month, USD, us-east-1, on demand", bold=True)]
    for line in sorted(cost.lines, key=lambda each: -each.after):
        use = f"  {style(line.assumption, dim=True)}" if line.assumption else ""
        lines.append(f"{line.after:>10,.2f}  {f'{line.stack}.{line.resource}':<44} {line.item}{use}")
    lines.append(style(f"{cost.after:>10,.2f}  total", bold=True))
    lines += [f"{'?':>10}  {name}: no price known" for name in cost.unpriced]
    lines += ["", style("beside the specification", bold=True), f"{'specified':>13} {'ours':>9}"]
    return "\n".join([*lines, *(_row(row) for row in spec_comparison(tree))])


def cost_json(tree: Tree) -> str:
    """The same as a JSON document."""
    cost = cost_table(tree)
    return json.dumps(
        {
            "total": round(cost.after, 2),
            "lines": [dataclasses.asdict(line) for line in cost.lines],
            "unpriced": list(cost.unpriced),
            "specification": [{**dataclasses.asdict(row), "off": row.off} for row in spec_comparison(tree)],
        },
        indent=1,
    )


def _row(row: SpecificationRow) -> str:
    specified = "none"
    if row.specified is not None:
        low, high = row.specified
        specified = f"{low:.2f}" if low == high else f"{low:g}-{high:g}"
    text = f"{specified:>13} {row.ours:>9,.2f}  {row.item}" + (f": {row.why}" if row.why else "")
    return style(text, fg="yellow") if row.off else text
