"""The routes about people: how to sign in, and who one is."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ecg_api.asking import AskedServices, AskingOwner, AskingPrincipal
from ecg_api.errors import Code
from ecg_api.problems import GUARDED, documented
from ecg_api.signed_cookies import NAMES, PATH
from ecg_api.views import ConfigView, CookiesView, MeView, sign_in_view

router = APIRouter(tags=["people"])


@router.get("/api/config", summary="How to sign in", responses=documented(Code.SERVICE_UNAVAILABLE))
async def read_config(asked: AskedServices, response: Response) -> ConfigView:
    """Open to everybody: what a page needs before anybody is signed in."""
    sign_in = await asked.access.sign_in()
    response.headers["Cache-Control"] = "no-cache"
    return ConfigView(environment=asked.environment, sign_in=sign_in_view(sign_in))


@router.get("/api/me", summary="Who you are", responses=documented(*GUARDED, Code.SERVICE_UNAVAILABLE))
async def read_me(asked: AskedServices, asking: AskingPrincipal, request: Request, response: Response) -> MeView:
    """Your subject at the provider, what to call you, and what you may do."""
    name = await asked.access.name(asking, request.headers.get("Authorization"))
    response.headers["Cache-Control"] = "private, no-cache"
    return MeView(sub=asking.sub, name=name, roles=sorted(asking.roles))


@router.post(
    "/api/cookies",
    summary="Open your videos at the CDN",
    responses=documented(*GUARDED, Code.SERVICE_UNAVAILABLE),
)
async def make_cookies(asked: AskedServices, owner: AskingOwner, response: Response) -> CookiesView:
    """Sets cookies that let the browser read your files below `/videos/`. Ask again before they end."""
    signed = await asked.cookies.sign(owner)
    for name, value in signed.values.items():
        response.set_cookie(
            name,
            value,
            max_age=int(asked.cookies.lifetime.total_seconds()),
            path=PATH,
            secure=True,
            httponly=True,
            samesite="strict",
        )
    return CookiesView(folder=signed.folder, expires_at=signed.expires_at)


@router.delete("/api/cookies", summary="Close your videos at the CDN", status_code=204)
async def clear_cookies() -> Response:
    """For signing out; asks for no token, since yours may have ended."""
    response = Response(status_code=204)
    for name in NAMES:
        response.delete_cookie(name, path=PATH, secure=True, httponly=True, samesite="strict")
    return response
