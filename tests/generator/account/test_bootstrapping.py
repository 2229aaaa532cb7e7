"""What bootstrap decides before it applies: whose jobs, which provider, what stays as it is."""

import pytest

from generator.account.bootstrapping import NoRepository, parameters, provider_to_adopt
from generator.sync.ports import LiveStack

THERE = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"


def live(made: str = "true", **values: str) -> LiveStack:
    return LiveStack("s", "s", "CREATE_COMPLETE", outputs={"OidcProviderMade": made}, parameters=values)


def test_an_account_without_a_provider_gets_one() -> None:
    assert provider_to_adopt(None, None) == ""


def test_a_provider_that_was_there_before_is_used() -> None:
    assert provider_to_adopt(THERE, None) == THERE
    assert provider_to_adopt(THERE, live("false")) == THERE


def test_the_stack_goes_on_owning_the_provider_that_it_made() -> None:
    """Adopting it would take it out of the template, and CloudFormation would let go of it."""
    assert provider_to_adopt(THERE, live("true")) == ""


def test_bootstrapping_again_keeps_repository_and_boundary() -> None:
    kept = parameters(live(Repository="a/b", RequireBoundary="true"), None, "", None)
    assert kept == {"Repository": "a/b", "OidcProviderArn": "", "RequireBoundary": "true"}


def test_what_is_said_counts_more_than_what_is_there() -> None:
    found = parameters(live(Repository="a/b", RequireBoundary="true"), "c/d", "", require_boundary=False)
    assert (found["Repository"], found["RequireBoundary"]) == ("c/d", "false")


def test_the_boundary_is_not_required_at_first() -> None:
    assert parameters(None, "a/b", "", None)["RequireBoundary"] == "false"


@pytest.mark.parametrize("given", [None, "", "name", "a/b/c", "a/*", "https://github.com/a/b"])
def test_no_other_form_of_a_repository_is_trusted(given: str | None) -> None:
    with pytest.raises(NoRepository, match="--repo OWNER/NAME"):
        parameters(None, given, "", None)
