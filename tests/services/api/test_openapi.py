"""The documents say what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ecg_api.errors import PROBLEMS
from ecg_api.openapi import document

ROOT = Path(__file__).parents[3]


def test_the_committed_openapi_document_is_current() -> None:
    """If not: `cd services/api && python -m ecg_api.openapi > openapi.json`, and look at the difference."""
    assert (ROOT / "services/api/openapi.json").read_text(encoding="utf-8") == document()


def test_every_error_of_a_route_is_documented_as_a_problem_with_an_example() -> None:
    paths = json.loads(document())["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                if int(status) < 400:
                    continue
                examples = response["content"]["application/problem+json"]["examples"]
                assert examples, f"{method} {path} {status}"
                for code, example in examples.items():
                    assert example["value"]["code"] == code
                    assert example["value"]["status"] == int(status)


def test_the_page_about_the_api_lists_every_code_with_its_status() -> None:
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    for code, kind in PROBLEMS.items():
        assert f"| `{code}` | {kind.status} |" in page


def test_the_page_about_the_api_lists_every_route_and_every_variable() -> None:
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    for path, methods in json.loads(document())["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path.replace('{video_id}', '{id}')}`" in page
    source = (ROOT / "services/api/ecg_api/settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'"([A-Z][A-Z0-9_]{5,})"', source)) - {"WARNING"}
    assert len(names) >= 10
    for name in names:
        assert f"`{name}`" in page


def test_every_test_that_the_page_about_security_names_exists() -> None:
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    tests = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    files = {path.name for path in tests}
    for file in set(re.findall(r"\btest_\w+\.py", page)):
        assert file in files
    named = set(re.findall(r"\b(test_\w+)(?!\w|\.py)", page))
    assert len(named) >= 15
    for name in named:
        assert any(f"def {name}" in text for text in tests.values()), name
