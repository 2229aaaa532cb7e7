"""The operations page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, Watch
from tests.browser.fake_api import FakeApi
from tests.browser.ops import ago, ops


def test_a_degraded_stack_names_its_cause_and_the_command(open_page: Open, api: FakeApi) -> None:
    api.ops = ops()
    page = open_page("/ops")
    first = page.get_by_role("region", name="Needs attention").get_by_role("listitem").first
    expect(first).to_contain_text("0 of 2 tasks run: CannotPullContainerError")
    expect(first.locator("code")).to_have_text("ecgctl events dev api")


def test_stacks_stand_by_wave_with_sync_and_health(open_page: Open, api: FakeApi) -> None:
    api.ops = ops()
    page = open_page("/ops")
    for wave in range(6):
        expect(page.get_by_role("heading", name=f"Wave {wave}")).to_be_visible()
    card = page.get_by_role("article").filter(has=page.get_by_role("heading", name="cdn"))
    expect(card).to_contain_text("Healthy")
    expect(card).to_contain_text("OutOfSync")


def test_the_last_deployments_say_how_they_ended_how_long_they_took_and_what_they_changed(
    open_page: Open, api: FakeApi
) -> None:
    api.ops = ops()
    rows = open_page("/ops").get_by_role("list", name="Last deployments").get_by_role("listitem")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("Failed")
    expect(rows.nth(0)).to_contain_text("stack api ended in UPDATE_ROLLBACK_COMPLETE")
    expect(rows.nth(1)).to_contain_text("Succeeded")
    expect(rows.nth(1)).to_contain_text("cdn, api")
    expect(rows.nth(1)).to_contain_text("1.6 min")


def test_what_was_changed_by_hand_is_named_with_its_values_and_the_way_back(open_page: Open, api: FakeApi) -> None:
    api.ops = ops()
    page = open_page("/ops")
    row = page.get_by_role("region", name="Needs attention").get_by_role("listitem").filter(has_text="by hand")
    expect(row).to_contain_text("ApiSecurityGroup/GroupDescription is API tasks (debug)")
    expect(row.locator("code")).to_have_text("ecgctl drift dev --on-drift revert")
    expect(page.get_by_text("118 of 151 resources compared")).to_be_visible()


def test_it_changes_while_it_is_looked_at(open_page: Open, api: FakeApi) -> None:
    api.ops = ops()
    page = open_page("/ops")
    expect(page.get_by_text("42 requests, 0 bad")).to_be_visible()
    api.ops["box"]["apps"]["ecg_rhythm"]["canary"]["requests"] = 57
    expect(page.get_by_text("57 requests, 0 bad")).to_be_visible()


def test_what_is_old_is_shown_as_old(open_page: Open, api: FakeApi) -> None:
    api.ops = {**ops(), "status_stale": True}
    api.ops["status"]["at"] = ago(7300)
    expect(open_page("/ops").get_by_text("Last seen 2 hours ago: this may no longer be so")).to_be_visible()


def test_who_is_no_operator_is_told_so(open_page: Open, api: FakeApi, watch: Watch) -> None:
    watch.forgiven = ("403",)
    api.mood = lambda _, path: (403, {}) if path == "/api/ops/status" else None
    expect(open_page("/ops").get_by_role("heading", name="Not for this account")).to_be_visible()


@pytest.mark.parametrize("missing", ["status", "box", "queue"])
def test_what_nobody_wrote_yet_leaves_the_rest_standing(open_page: Open, api: FakeApi, missing: str) -> None:
    api.ops = {**ops(), missing: None}
    expect(open_page("/ops").get_by_role("heading", name="Operations")).to_be_visible()
