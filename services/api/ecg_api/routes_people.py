"""The routes about people: how to sign in, and who one is."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ecg_api.asking import AskedServices, AskingPrincipal
from ecg_api.errors import Code
from ecg_api.problems import documented
from ecg_api.views import ConfigView, MeView, sign_in_view

router = APIRouter(tags=["people"])


@router.get("/api/config", summary="How to sign in", responses=documented(Code.SERVICE_UNAVAILABLE))
async def read_config(asked: AskedServices, response: Response) -> ConfigView:
    """Open to everybody: what a page needs before anybody is signed in."""
    sign_in = await asked.access.sign_in()
    response.headers["Cache-Control"] = "no-cache"
    return ConfigView(environment=asked.environment, sign_in=sign_in_view(sign_in))


@router.get("/api/me", summary="Who you are", responses=documented(Code.SIGN_IN_REQUIRED, Code.SERVICE_UNAVAILABLE))
async def read_me(asked: AskedServices, asking: AskingPrincipal, request: Request, response: Response) -> MeView:
    """Your subject at the provider, what to call you, and what you may do."""
    name = await asked.access.name(asking, request.headers.get("Authorization"))
    response.headers["Cache-Control"] = "private, no-cache"
    return MeView(sub=asking.sub, name=name, roles=sorted(asking.roles))
