"""What a browser is given: how much, from where, and what it may run."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from generator.environments.dev import ENVIRONMENT
from generator.stacks import STACKS
from tests.browser.conftest import OUT, ROOT, Open, Watch, policy
from tests.generator.stacks.test_edge import REWRITES

MOST_BYTES = 200_000
INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


def test_the_first_page_loads_less_than_200_kb_of_scripts_compressed(open_page: Open) -> None:
    page = open_page("/")
    page.wait_for_timeout(1000)
    loaded = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    scripts = {name.split("/", 3)[3].partition("?")[0] for name in loaded if ".js" in name}
    size = sum(len(gzip.compress((OUT / script).read_bytes(), 6)) for script in scripts)
    assert 0 < size < MOST_BYTES


@pytest.mark.parametrize("page", sorted(OUT.glob("*.html")), ids=lambda page: page.name)
def test_no_script_stands_in_a_page_but_those_of_inline(page: Path) -> None:
    allowed = {file.read_text(encoding="utf-8") for file in (ROOT / "frontend/inline").iterdir()}
    assert set(INLINE.findall(page.read_text(encoding="utf-8"))) <= allowed


def test_the_policy_refuses_a_script_that_was_put_into_the_page(open_page: Open, watch: Watch) -> None:
    watch.forgiven = ("Content Security Policy",)
    page = open_page("/result")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.put = 1'}))")
    assert page.evaluate("window.put") is None
    assert "unsafe" not in policy()


def test_njs_takes_the_rewriting_function() -> None:
    """njs is close to the oldest runtime of CloudFront Functions: it refuses newer syntax."""
    njs = shutil.which("njs")
    if njs is None:
        pytest.fail("njs is missing\n  next: make test-browser")
    code = STACKS["cdn"](ENVIRONMENT).to_dict()["Resources"]["UrlRewrite"]["Properties"]["FunctionCode"]
    for address, file in REWRITES.items():
        probe = f"{code}\nconsole.log(handler({{request: {{uri: {address!r}}}}}).uri)"
        done = subprocess.run([njs, "-c", probe], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == file
