"""What routes are given: the services, and who asks."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import Depends, Request

from ecg_api.errors import Code, Refused
from ecg_api.jobs import Owner
from ecg_api.principals import Principal, Role
from ecg_api.services import Services


async def services(request: Request) -> Services:
    """Return what the application was built with. A coroutine, since FastAPI gives every plain function a thread."""
    found: Services = request.app.state.services
    return found


AskedServices = Annotated[Services, Depends(services)]


async def principal(request: Request, asked: AskedServices) -> Principal:
    """Return who asks. Raises Refused (`sign_in_required`, `too_many_requests`), StoreUnavailable."""
    found = await asked.access.principal(request.headers.get("Authorization"))
    request.state.principal = found  # for the audit line
    if wait_s := asked.limit.take(found.owner):
        raise Refused(Code.TOO_MANY_REQUESTS, "This is more than one may ask.", retry_after_s=math.ceil(wait_s))
    return found


AskingPrincipal = Annotated[Principal, Depends(principal)]


async def owner(asking: AskingPrincipal) -> Owner:
    """Return whose videos may be asked for."""
    return asking.owner


AskingOwner = Annotated[Owner, Depends(owner)]


async def operator(asking: AskingPrincipal) -> Principal:
    """Return who asks, an operator. Raises Refused (`not_permitted`)."""
    if Role.OPERATOR not in asking.roles:
        raise Refused(Code.NOT_PERMITTED, "You are signed in, but not as an operator.")
    return asking
