"""`ecgctl status` says Synced exactly when `ecgctl plan --live` is empty, whatever the world has become."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.environments import prod
from generator.plan.plan import plan
from generator.plan.reading import read_pair
from generator.sync.health import Unreadable
from generator.sync.health.reading import LiveTemplate
from generator.sync.states import STEPS
from generator.sync.status import SyncStatus
from tests.generator.deployed import Deployed, deployed, disagreements, looked_at
from tests.generator.report.pull_requests import PULL_REQUESTS, PullRequest, base, rendered

TREES = {each.name: each for each in PULL_REQUESTS}


@cache
def tree(name: str) -> dict[str, str]:
    return TREES[name].change()


@pytest.mark.parametrize("pull_request", PULL_REQUESTS, ids=lambda each: each.name)
def test_what_was_deployed_is_synced_and_its_live_plan_is_empty(pull_request: PullRequest) -> None:
    files = tree(pull_request.name)
    found = looked_at(deployed(files), files)
    assert disagreements(*found) == []
    assert (found[1].empty, found[2].sync) == (True, SyncStatus.SYNCED)


def test_prod_as_it_was_deployed_is_synced_and_one_edit_is_seen_by_both() -> None:
    files = rendered(prod.ENVIRONMENT)
    found = looked_at(deployed(files), files)
    assert disagreements(*found) == []
    assert (found[1].empty, found[2].sync) == (True, SyncStatus.SYNCED)
    world = deployed(files)
    world.edit("keys", lambda text: text.replace("EnableKeyRotation: true", "EnableKeyRotation: false"))
    edited = looked_at(world, files)
    assert disagreements(*edited) == []
    assert {change.stack for change in edited[1].changes} == {"keys"}
    assert edited[2].sync is SyncStatus.OUT_OF_SYNC


@pytest.mark.parametrize("pull_request", PULL_REQUESTS, ids=lambda each: each.name)
def test_before_a_merge_is_deployed_the_plan_from_what_is_live_is_the_one_that_was_reviewed(
    pull_request: PullRequest,
) -> None:
    before, after = base(), tree(pull_request.name)
    for old, new in ((before, after), (after, before)):
        found = looked_at(deployed(old), new)
        assert disagreements(*found) == []
        if pull_request.name != "other-ami":  # there Git leaves open what the account has
            assert found[1].digest == plan(*read_pair(old, new)).digest


def _status(name: str, status: str) -> Callable[[Deployed], None]:
    return lambda world: world.describe(name, StackStatus=status)


def _text(name: str, old: str, new: str) -> Callable[[Deployed], None]:
    return lambda world: world.edit(name, lambda text: text.replace(old, new))


def _box(**fields: object) -> Callable[[Deployed], None]:
    def spoil(world: Deployed) -> None:
        world.box = {**world.box, **fields} if isinstance(world.box, dict) else world.box

    return spoil


def _desired(**fields: object) -> Callable[[Deployed], None]:
    def spoil(world: Deployed) -> None:
        if isinstance(world.box, dict) and world.box["desired"] is not None:
            world.box = {**world.box, "desired": {**world.box["desired"], **fields}}

    return spoil


def _told(config: str | None) -> Callable[[Deployed], None]:
    """The box was told to run another Serve configuration."""

    def spoil(world: Deployed) -> None:
        _box(config=config)(world)
        _desired(serve={"key": "k", "sha256": "01d"})(world)

    return spoil


def _no_tags(world: Deployed) -> None:
    world.describe("data", Tags=[])


def _no_bucket(world: Deployed) -> None:
    world.put("storage", None)
    world.box = None


def _silent_box(world: Deployed) -> None:
    world.box = Unreadable("AccessDenied: no")


def _dropped(world: Deployed) -> None:
    world.put("old", replace(world.stack("registry")))


def _dropped_shell(world: Deployed) -> None:
    tags = world.stack("registry").description["Tags"]
    world.put("older", LiveTemplate({"StackStatus": "REVIEW_IN_PROGRESS", "Tags": tags}, "", {}))


SAME: dict[str, Callable[[Deployed], None]] = {
    "a comment": _text("network", "Resources:", "# by hand\nResources:"),
    "line ends": _text("api", "\n", "\r\n"),
    "a description": _text("network", "Description:", "Description: other #"),
    "the account's own value": lambda world: world.set("model-server", "ModelServerImageId", "ami-2"),
    "a hidden value": lambda world: world.set("api", "ImageTag", "****"),
    "a rolled back update": _status("cdn", "UPDATE_ROLLBACK_COMPLETE"),
    "an update under way": _status("cdn", "UPDATE_IN_PROGRESS"),
    "a comment in serve.yaml": _told(f"# by hand\n{base()['serve.yaml']}"),
    "a configuration that can be known without its object": _box(config=None),
}
"""What no apply would change anything about."""
OTHER: dict[str, Callable[[Deployed], None]] = {
    "a stack is gone": lambda world: world.put("observability", None),
    "its first stack is gone": lambda world: world.put("network", None),
    "a property": _text("network", "CidrBlock: 10.0.1.0/24", "CidrBlock: 10.0.9.0/24"),
    "an output": _text("data", "Outputs:\n", "Outputs:\n  ByHand:\n    Value: x\n"),
    "a literal": lambda world: world.set("api", "ImageTag", "src-999999999999"),
    "a wired value": lambda world: world.set("api", "VideoBucketName", "another"),
    "another output": lambda world: world.describe("registry", Outputs=[]),
    "tags": _no_tags,
    "a dropped stack": _dropped,
    "a shell of a dropped stack": _dropped_shell,
    "no pointer": _box(desired=None),
    "no bucket": _no_bucket,
    "another agent": _desired(agent={"key": "k", "sha256": "0"}),
    "a package too many": _desired(packages=[{"name": "old", "key": "k", "sha256": "0"}]),
    "another serve.yaml": _told(base()["serve.yaml"].replace("num_cpus: 0.1", "num_cpus: 0.3")),
    "a configuration that is gone": _told(None),
    **{
        status: _status("load-balancer", status)
        for status in STEPS
        if not status.endswith("_COMPLETE") and not status.startswith(("UPDATE_", "CREATE_IN", "IMPORT_"))
    },
    "UPDATE_FAILED": _status("load-balancer", "UPDATE_FAILED"),
    "UPDATE_ROLLBACK_FAILED": _status("load-balancer", "UPDATE_ROLLBACK_FAILED"),
    "IMPORT_ROLLBACK_FAILED": _status("load-balancer", "IMPORT_ROLLBACK_FAILED"),
    "ROLLBACK_COMPLETE": _status("load-balancer", "ROLLBACK_COMPLETE"),
}
"""What an apply would put right."""
UNKNOWN: dict[str, Callable[[Deployed], None]] = {
    "a stack may not be read": lambda world: world.put("registry", Unreadable("AccessDenied: no")),
    "the box may not be read": _silent_box,
    "a template that is no YAML": _text("data", "Resources:", "Resources: ["),
    "a template that is no template": lambda world: world.put("data", replace(world.stack("data"), template="[]")),
    "a pointer that is none": _desired(serve="x"),
    "a serve.yaml that is none": _told("a: b: c"),
}
"""What nobody can say anything about."""
EVERYTHING = {**SAME, **OTHER, **UNKNOWN}


@pytest.mark.parametrize("name", EVERYTHING)
def test_one_thing_that_happened_is_judged_alike(name: str) -> None:
    world = deployed(base())
    EVERYTHING[name](world)
    live, planned, status = looked_at(world, base())
    assert disagreements(live, planned, status) == []
    assert (bool(live.unknown), planned.empty) == (name in UNKNOWN, name not in OTHER)


many_things = given(
    st.sampled_from(sorted(TREES)),
    st.sampled_from(sorted(TREES)),
    st.lists(st.sampled_from(sorted(EVERYTHING)), max_size=4, unique=True),
)


def _judged_alike(was: str, wanted: str, happened: list[str]) -> None:
    world = deployed(tree(was))
    for name in happened:
        try:
            EVERYTHING[name](world)
        except (AssertionError, KeyError):
            continue  # an earlier one left nothing to spoil
    found = looked_at(world, tree(wanted))
    assert disagreements(*found) == []


@settings(max_examples=12, deadline=None)
@many_things
def test_many_things_that_happened_are_judged_alike(was: str, wanted: str, happened: list[str]) -> None:
    _judged_alike(was, wanted, happened)


@pytest.mark.faults
@settings(max_examples=200, deadline=None)
@many_things
def test_very_many_things_that_happened_are_judged_alike(was: str, wanted: str, happened: list[str]) -> None:
    _judged_alike(was, wanted, happened)
