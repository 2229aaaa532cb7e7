"""Attacks by name on paths, ids, types, headers and roles, by somebody who is signed in or pretends to be.

Tokens are forged in `test_access.py`, cookies in `test_signed_cookies.py`. Each attack stands beside the honest request
that it resembles, which succeeds: what is refused is the attack, not the request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from ecg_api.app import build_app
from ecg_api.jobs import Job, JobState, Owner
from tests.services.api.fake_stores import StoredObject
from tests.services.api.fakes import MP4, House
from tests.services.api.test_access import FORGED
from tests.services.api.tokens_made import FakeProvider, bearer, token

pytestmark = pytest.mark.anyio
DOC = Path(__file__).parents[3] / "docs/security.md"
NEW = {"name": "monitor.mp4", "size": len(MP4), "content_type": "video/mp4"}
EVE = bearer(token("eve"))
ADA = bearer(token("ada"))


@dataclass(frozen=True)
class Ask:
    """A request; `{hers}` in its path is the id of Ada's video, `{HERS}` the same in capitals."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=lambda: EVE)
    json: Any = None

    async def sent(self, client: httpx.AsyncClient, hers: str) -> httpx.Response:
        path = self.path.replace("{hers}", hers).replace("{HERS}", hers.upper())
        return await client.request(self.method, path, headers=self.headers, json=self.json)


@dataclass(frozen=True)
class Attack:
    """A request that is refused with `status`, and the honest one that succeeds."""

    ask: Ask
    status: int
    honest: Ask


LIST = Ask("GET", "/api/videos")
ANNOUNCE = Ask("POST", "/api/videos", json=NEW)
READ = Ask("GET", "/api/videos/{hers}", ADA)
OPERATE = Ask("GET", "/api/ops/status", bearer(token("ada", **{"cognito:groups": ["operator"]})))


def announced(**changes: Any) -> Ask:
    """Return an announcement that is not as it should be."""
    return Ask("POST", "/api/videos", json={**NEW, **changes})


def with_groups(**claims: Any) -> Ask:
    """Return a question for operators by somebody whose token has these claims."""
    return Ask("GET", "/api/ops/status", bearer(token("eve", **claims)))


def completed(parts: Any) -> Ask:
    """Return the completion of Ada's upload by herself, with parts that are none."""
    return Ask("POST", "/api/videos/{hers}/complete", ADA, {"parts": parts})


ATTACKS: dict[str, Attack] = {
    "read another's video": Attack(Ask("GET", "/api/videos/{hers}"), 404, READ),
    "read another's result": Attack(Ask("GET", "/api/videos/{hers}/result"), 404, READ),
    "watch another's events": Attack(Ask("GET", "/api/videos/{hers}/events"), 404, READ),
    "complete another's upload": Attack(Ask("POST", "/api/videos/{hers}/complete"), 404, READ),
    "delete another's video": Attack(Ask("DELETE", "/api/videos/{hers}"), 404, READ),
    "the id in capitals": Attack(Ask("GET", "/api/videos/{HERS}", ADA), 404, READ),
    "a path in place of an id": Attack(Ask("GET", "/api/videos/..%2f..%2fada%2f{hers}"), 404, READ),
    "a path encoded twice": Attack(Ask("GET", "/api/videos/%252e%252e%252f{hers}"), 404, READ),
    "an id with an end of text": Attack(Ask("GET", "/api/videos/{hers}%00", ADA), 404, READ),
    "an id with a line end": Attack(Ask("GET", "/api/videos/{hers}%0a", ADA), 404, READ),
    "an id in letters that look alike": Attack(Ask("GET", "/api/videos/{hers}%EF%BC%90", ADA), 404, READ),
    "a huge id": Attack(Ask("GET", "/api/videos/" + "a" * 60_000), 404, READ),
    "the token in the address": Attack(Ask("GET", f"/api/videos?access_token={token('eve')}", {}), 401, LIST),
    "the token in a cookie": Attack(Ask("GET", "/api/videos", {"Cookie": f"access_token={token('eve')}"}), 401, LIST),
    "a proxy's word for who asks": Attack(
        Ask("GET", "/api/videos", {"X-Forwarded-User": "ada", "X-Amzn-Oidc-Identity": "ada"}), 401, LIST
    ),
    "another method by a header": Attack(
        Ask("PUT", "/api/videos", {**EVE, "X-HTTP-Method-Override": "POST"}, NEW), 405, ANNOUNCE
    ),
    "an operator by a claim that is an object": Attack(
        with_groups(**{"cognito:groups": {"operator": True}}), 403, OPERATE
    ),
    "an operator by a claim of another name": Attack(with_groups(groups=["operator"], role="operator"), 403, OPERATE),
    "an operator within another group's name": Attack(with_groups(**{"cognito:groups": "x-operator"}), 403, OPERATE),
    "a video of another owner's name": Attack(announced(owner="ada"), 422, ANNOUNCE),
    "a video that is done already": Attack(announced(state="done", result_key="videos/ada/x"), 422, ANNOUNCE),
    "a key of one's own": Attack(announced(key="videos/ada/1/source.mp4"), 422, ANNOUNCE),
    "a size that is text": Attack(announced(size="200"), 422, ANNOUNCE),
    "a size that is true": Attack(announced(size=True), 422, ANNOUNCE),
    "a size below nothing": Attack(announced(size=-1), 422, ANNOUNCE),
    "a size beyond all bounds": Attack(announced(size=10**40), 413, ANNOUNCE),
    "a name that is a query": Attack(announced(name={"$ne": None}), 422, ANNOUNCE),
    "a name with a header in it": Attack(announced(name="a\r\nSet-Cookie: x=1"), 422, ANNOUNCE),
    "a content type with a header in it": Attack(
        announced(content_type="video/mp4\r\nx-amz-acl: public"), 415, ANNOUNCE
    ),
    "an app that is an address": Attack(announced(app="../-/routes"), 422, ANNOUNCE),
    "an idempotency key with a header in it": Attack(
        Ask("POST", "/api/videos", {**EVE, "Idempotency-Key": "k\r\nX: y"}, NEW), 422, ANNOUNCE
    ),
    "parts that are an object": Attack(completed({"1": "etag"}), 422, READ),
    "a part whose number is a fraction": Attack(completed([{"number": 1.5, "etag": "x"}]), 422, READ),
    "a part whose tag has markup in it": Attack(completed([{"number": 1, "etag": "</ETag><Key>x"}]), 422, READ),
    "more parts than S3 has": Attack(completed([{"number": 1, "etag": "x"}] * 20_000), 422, READ),
    "a body beyond all bounds": Attack(announced(name="a" * 3_000_000), 413, ANNOUNCE),
    "a cursor that is a condition": Attack(Ask("GET", "/api/videos?cursor=' OR 1=1--"), 422, LIST),
    "more than a page": Attack(Ask("GET", "/api/videos?limit=1000000"), 422, LIST),
}


@pytest.fixture
async def guarded(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to an application that asks for tokens."""
    house.access = FakeProvider().access()
    app = build_app(house.services)
    app.state.services = house.services()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        yield client


async def _hers(house: House, client: httpx.AsyncClient) -> Job:
    """Ada's video, uploaded and not completed."""
    made = (await client.post("/api/videos", json=NEW, headers=ADA)).json()
    job = house.table.jobs[Owner("ada"), made["id"]]
    house.objects.objects[job.key] = StoredObject(MP4, "video/mp4")
    return job


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_is_refused_and_changes_nothing(house: House, guarded: httpx.AsyncClient, name: str) -> None:
    attack, hers = ATTACKS[name], await _hers(house, guarded)
    stored = dict(house.objects.objects)
    answer = await attack.ask.sent(guarded, hers.id)
    assert answer.status_code == attack.status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == attack.status
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text
    assert house.table.jobs == {(Owner("ada"), hers.id): hers}
    assert (house.objects.objects, house.queue.sent) == (stored, 0)
    honest = await attack.honest.sent(guarded, hers.id)
    assert honest.is_success, "the positive control"


async def test_a_request_id_with_a_header_in_it_is_not_sent_back(guarded: httpx.AsyncClient) -> None:
    answer = await guarded.get("/api/videos", headers={**EVE, "X-Request-ID": "a\r\nSet-Cookie: x=1"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers["X-Request-ID"]
    assert (await guarded.get("/api/videos", headers={**EVE, "X-Request-ID": "a-1"})).headers["X-Request-ID"] == "a-1"


async def test_anothers_idempotency_key_replayed_begins_a_video_of_ones_own(guarded: httpx.AsyncClient) -> None:
    asked = {"Idempotency-Key": "k"}
    hers = (await guarded.post("/api/videos", json=NEW, headers={**ADA, **asked})).json()
    mine = (await guarded.post("/api/videos", json=NEW, headers={**EVE, **asked})).json()
    again = (await guarded.post("/api/videos", json=NEW, headers={**ADA, **asked})).json()
    assert mine["id"] != hers["id"] == again["id"]


async def test_anothers_cursor_replayed_shows_nothing_of_theirs(guarded: httpx.AsyncClient) -> None:
    for _ in range(3):
        await guarded.post("/api/videos", json=NEW, headers=ADA)
    cursor = (await guarded.get("/api/videos?limit=1", headers=ADA)).json()["next_cursor"]
    assert (await guarded.get(f"/api/videos?cursor={cursor}", headers=EVE)).json()["videos"] == []
    assert len((await guarded.get(f"/api/videos?cursor={cursor}", headers=ADA)).json()["videos"]) == 2


async def test_a_completion_replayed_queues_once(house: House, guarded: httpx.AsyncClient) -> None:
    hers = await _hers(house, guarded)
    for _ in range(3):
        assert (await guarded.post(f"/api/videos/{hers.id}/complete", headers=ADA)).status_code == 200
    assert house.queue.sent == 1
    assert house.table.jobs[Owner("ada"), hers.id].state is JobState.QUEUED


def test_the_page_about_security_lists_every_attack() -> None:
    page = DOC.read_text(encoding="utf-8")
    names = [*FORGED, *ATTACKS]
    assert len(names) >= 40
    assert [name for name in names if f"- {name}\n" not in page] == []
    assert f"{len(FORGED)} forged tokens and {len(ATTACKS)} forged requests" in page
