"""The routes about the service itself: is it well, which apps are there, and what can go wrong."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from ecg_api.asking import AskedServices, operator, principal
from ecg_api.errors import PROBLEMS, Code, Refused, code_named
from ecg_api.problems import GUARDED, documented, problem_response
from ecg_api.views import AppList, Health, OverviewView, ProblemExplained, Readiness, app_list, overview_view

router = APIRouter(tags=["operation"])


@router.get("/health", summary="Liveness")
@router.get("/api/health", summary="Liveness, through the CDN", operation_id="api_health")
async def health() -> Health:
    """The process answers. Asks nobody else, so that a fault elsewhere does not restart this one."""
    return Health()


@router.get("/ready", summary="Readiness", response_model=Readiness, responses=documented(Code.SERVICE_UNAVAILABLE))
async def ready(request: Request, asked: AskedServices) -> Response:
    """Table, queue and bucket answer, and the worker runs."""
    faults = dict(await asked.videos.check())
    if not asked.health.worker_runs:
        faults["worker"] = "not running"
    if faults:
        detail = "Not ready: " + ", ".join(f"{name} ({reason})" for name, reason in sorted(faults.items()))
        return problem_response(request.url.path, Code.SERVICE_UNAVAILABLE, detail, retry_after_s=5)
    state = Readiness(model_server="unavailable" if asked.circuit.is_open else "available")
    return JSONResponse(state.model_dump())


@router.get(
    "/api/apps",
    summary="List the apps that analyse",
    dependencies=[Depends(principal)],
    responses=documented(*GUARDED, Code.SERVICE_UNAVAILABLE),
)
async def list_apps(asked: AskedServices, response: Response) -> AppList:
    """As the GPU box last reported them; `stale` where that is long ago, and then every state is `unknown`."""
    response.headers["Cache-Control"] = "private, no-cache"
    return app_list(await asked.operations.apps())


@router.get(
    "/api/ops/status",
    summary="How the environment does",
    dependencies=[Depends(operator)],
    responses=documented(*GUARDED, Code.NOT_PERMITTED),
)
async def read_status(asked: AskedServices, response: Response) -> OverviewView:
    """For operators: the last status, the box's report, the queues. What could not be learnt is null."""
    response.headers["Cache-Control"] = "private, no-cache"
    return overview_view(await asked.operations.overview())


@router.get("/api/problems", summary="List what can go wrong")
async def list_problems() -> list[ProblemExplained]:
    """Every code of a problem document."""
    return [
        ProblemExplained(code=code, status=kind.status, title=kind.title, remedy=kind.remedy)
        for code, kind in PROBLEMS.items()
    ]


@router.get("/api/problems/{code}", summary="Explain what went wrong", responses=documented(Code.NOT_FOUND))
async def explain_problem(code: str) -> ProblemExplained:
    """The `type` of a problem document leads here."""
    known = code_named(code)
    if known is None:
        raise Refused(Code.NOT_FOUND, "There is no problem with this code.")
    kind = PROBLEMS[known]
    return ProblemExplained(code=code, status=kind.status, title=kind.title, remedy=kind.remedy)
