"""Build the page into frontend/out as `ecgctl apply` does, unless it stands there already."""

from pathlib import Path

from generator.publish.address import tree_address
from generator.publish.page import SOURCE, page_builder

ROOT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    address = tree_address(ROOT, SOURCE)
    print(f"frontend/out: {len(page_builder(ROOT)(address))} files of {address}")
