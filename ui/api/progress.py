"""Routes the page follows its jobs by: progress, previews, Interrupt, Skip, Cancel.

A job answers only its owner; for everybody else it does not exist.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from pipelines.engine.engine import Engine
from pipelines.engine.jobs import Job
from ui.notices import Notices


def describe(job: Job) -> dict[str, Any]:
    """A job at this moment, as JSON; `progress` is in [0, 1], times are in seconds."""
    now = job.progress
    return {
        "id": job.id,
        "state": now.state.value,
        "text": now.text,
        "progress": now.fraction,
        "eta_seconds": now.eta_seconds,
        "elapsed_seconds": now.elapsed_seconds,
        "step": now.step,
        "steps": now.steps,
        "batch": now.batch,
        "batches": now.batches,
        "queue_position": now.queue_position,
        "queue_length": now.queue_length,
        "preview": now.preview,
        "interruption": now.interruption.value,
        "error": now.error,
    }


def make_progress_routes(
    engine: Engine, notices: Notices, current_user: Callable[[Request], str | None]
) -> APIRouter:
    """The routes below /internal; `current_user` names the owner of a request's jobs."""
    router = APIRouter(prefix="/internal")

    def require_user(user: Annotated[str | None, Depends(current_user)]) -> str:
        if user is None:
            raise HTTPException(401, "Please log in first.")
        return user

    def own_job(job_id: str, user: str) -> Job:
        job = engine.get(job_id)
        if job is None or job.owner != user:
            raise HTTPException(404, "There is no such job (any more).")
        return job

    def ping(user: Annotated[str, Depends(require_user)]) -> dict[str, Any]:
        return {"ok": True, "user": user}

    def show_notices(user: Annotated[str, Depends(require_user)]) -> list[str]:
        return list(notices.sentences)

    def jobs(user: Annotated[str, Depends(require_user)]) -> list[dict[str, Any]]:
        return [describe(job) for job in engine.jobs(user)]

    def progress(job: str, user: Annotated[str, Depends(require_user)]) -> dict[str, Any]:
        found = own_job(job, user)
        found.watch()
        return describe(found)

    def preview(job: str, number: int, user: Annotated[str, Depends(require_user)]) -> Response:
        newest, jpeg = own_job(job, user).preview
        if not jpeg or not 0 < number <= newest:
            raise HTTPException(404, "There is no such preview (any more).")
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    def press(button: Callable[[str], bool]) -> Callable[..., dict[str, Any]]:
        def pressed(job: str, user: Annotated[str, Depends(require_user)]) -> dict[str, Any]:
            found = own_job(job, user)
            button(found.id)
            return describe(found)

        return pressed

    router.add_api_route("/ping", ping, methods=["GET"])
    router.add_api_route("/notices", show_notices, methods=["GET"])
    router.add_api_route("/jobs", jobs, methods=["GET"])
    router.add_api_route("/progress", progress, methods=["GET"])
    router.add_api_route("/preview/{job}/{number}", preview, methods=["GET"])
    for name, button in (
        ("interrupt", engine.interrupt),
        ("skip", engine.skip),
        ("cancel", engine.cancel),
    ):
        router.add_api_route(f"/jobs/{{job}}/{name}", press(button), methods=["POST"], name=name)
    return router
