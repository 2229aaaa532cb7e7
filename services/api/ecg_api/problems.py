"""Errors over HTTP: RFC 9457 problem documents, for everything that is not an answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ecg_api.errors import PROBLEMS, Code, ProblemKind, Refused, StoreUnavailable, code_named
from ecg_api.logs import request_id

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_UNKNOWN = ProblemKind(422, "The video cannot be analysed", "Try another recording.")
_UNPARSED = 400
_HTTP_CODES = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED}


class Mistake(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(examples=["body.size"])
    message: str = Field(examples=["Input should be a valid integer"])


class Problem(BaseModel):
    """A problem document (RFC 9457); `code` is stable, the sentences are not."""

    type: str = Field(examples=["/api/problems/video_not_found"], description="Explains the code; can be read.")
    title: str = Field(examples=["There is no such video"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no video with this id."])
    code: str = Field(examples=["video_not_found"])
    instance: str = Field(examples=["/api/videos/019ab0c5-54a0-7d41-8cbb-1c0b6f0e7a11"])
    request_id: str | None = Field(default=None, examples=["5f0c7c1e9b7f4f0e8f3d2a1b0c9d8e7f"])
    errors: list[Mistake] | None = Field(default=None, description="Every mistake of an invalid request.")


def problem_response(
    request_path: str,
    code: str,
    detail: str,
    *,
    status: int | None = None,
    retry_after_s: int | None = None,
    mistakes: Sequence[Mistake] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the problem document for `code`; a code that only a reader knows is the video's fault (422)."""
    kind = problem_kind(code)
    problem = Problem(
        type=f"/api/problems/{code}",
        title=kind.title,
        status=status or kind.status,
        detail=detail,
        code=code,
        instance=request_path,
        request_id=request_id.get(),
        errors=list(mistakes) if mistakes is not None else None,
    )
    more = {"Retry-After": str(retry_after_s)} if retry_after_s is not None else {}
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **more, **(headers or {})},
    )


def problem_kind(code: str) -> ProblemKind:
    """Return what a code means."""
    known = code_named(code)
    return PROBLEMS[known] if known else _UNKNOWN


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)  # noqa: S101 - registered for this type only
        # RFC 9110 asks for a challenge with each 401, and RFC 6750 says which.
        headers = {"WWW-Authenticate": "Bearer"} if error.code == Code.SIGN_IN_REQUIRED else None
        return problem_response(
            request.url.path, error.code, error.detail, retry_after_s=error.retry_after_s, headers=headers
        )

    async def unavailable(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, StoreUnavailable)  # noqa: S101
        log.error("store unavailable", extra={"service": error.service, "reason": str(error)})
        detail = f"The {error.service} service did not answer as it should."
        return problem_response(request.url.path, Code.SERVICE_UNAVAILABLE, detail, retry_after_s=5)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        # The input itself is not repeated: it may hold a file's name.
        mistakes = [
            Mistake(where=".".join(str(part) for part in mistake["loc"]), message=mistake["msg"])
            for mistake in error.errors()
        ]
        detail = f"The request has {len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}."
        return problem_response(request.url.path, Code.INVALID_REQUEST, detail, mistakes=mistakes)

    async def plain(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        code = _HTTP_CODES.get(error.status_code, Code.INVALID_REQUEST)
        # FastAPI's 400 is a body that cannot be parsed: as invalid as one whose values are wrong, and documented so.
        status = PROBLEMS[code].status if error.status_code == _UNPARSED else error.status_code
        return problem_response(request.url.path, code, str(error.detail), status=status, headers=error.headers)

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(StoreUnavailable, unavailable)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)


def documented(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that may answer with `codes`, one example for each."""
    responses: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        kind = PROBLEMS[code]
        response = responses.setdefault(
            kind.status, {"description": "", "model": Problem, "content": {MEDIA_TYPE: {"examples": {}}}}
        )
        response["description"] = "; ".join(filter(None, (response["description"], f"{code}: {kind.title}")))
        response["content"][MEDIA_TYPE]["examples"][code.value] = {
            "summary": kind.title,
            "value": {
                "type": f"/api/problems/{code}",
                "title": kind.title,
                "status": kind.status,
                "detail": kind.remedy,
                "code": code.value,
                "instance": "/api/videos",
            },
        }
    return responses


GUARDED = (Code.SIGN_IN_REQUIRED, Code.TOO_MANY_REQUESTS)
"""What any route that asks for a token may answer."""


def described(document: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's OpenAPI document with errors as they are sent: as problem documents only."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for status in list(operation["responses"]):
                content = operation["responses"][status].get("content", {})
                if MEDIA_TYPE in content:
                    content[MEDIA_TYPE]["schema"] = content.pop("application/json")["schema"]
                elif "HTTPValidationError" in str(content):
                    # FastAPI adds it wherever there is a parameter; ours are texts, which cannot be invalid.
                    del operation["responses"][status]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document
