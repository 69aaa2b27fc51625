"""How the page follows its jobs, and nobody else's."""

import pytest
from PIL import Image

from pipelines.requests import Batch
from tests.helpers.plans import plan_for
from tests.helpers.rig import PATIENCE
from tests.helpers.serving import Server, serving

KEYS = {
    "id",
    "state",
    "text",
    "progress",
    "eta_seconds",
    "elapsed_seconds",
    "step",
    "steps",
    "batch",
    "batches",
    "queue_position",
    "queue_length",
    "preview",
    "interruption",
    "error",
}


@pytest.fixture
def server(tmp_path):
    """A server whose run each test steers anew."""
    with serving(tmp_path) as server:
        yield server


def submit(server: Server, owner="local"):
    return server.context.engine.submit(plan_for(batch=Batch(count=2)), owner)


def test_a_job_is_followed_from_the_queue_to_its_end(server: Server):
    client = server.client()
    job = submit(server)
    server.run.wait_until_running()
    second = submit(server)
    server.run.order(lambda m: m.begin_batch(0, 2, 10))
    server.run.order(lambda m: m.step_done(5))
    now = client.get("/internal/progress", params={"job": job.id}).json()
    assert now.keys() == KEYS
    assert now["state"] == "running"
    assert now["progress"] == 0.25
    assert now["text"] == "Batch 1 out of 2"
    assert (now["step"], now["steps"], now["batch"], now["batches"]) == (5, 10, 1, 2)
    queued = client.get("/internal/progress", params={"job": second.id}).json()
    assert (queued["state"], queued["queue_position"]) == ("queued", 1)
    assert [entry["id"] for entry in client.get("/internal/jobs").json()] == [second.id, job.id]
    server.run.finish()
    assert job.wait(PATIENCE)
    assert client.get(f"/internal/progress?job={job.id}").json()["state"] == "done"


def test_previews_are_jpegs_that_nobody_keeps(server: Server):
    client = server.client()
    job = submit(server)
    server.run.wait_until_running()
    assert client.get(f"/internal/preview/{job.id}/1").status_code == 404
    job.show_preview(b"\xff\xd8jpeg")
    response = client.get(f"/internal/preview/{job.id}/1")
    assert response.content == b"\xff\xd8jpeg"
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["cache-control"] == "no-store"
    assert client.get(f"/internal/preview/{job.id}/2").status_code == 404


def test_the_buttons_reach_the_job(server: Server):
    client = server.client()
    job = submit(server)
    server.run.wait_until_running()
    second = submit(server)
    server.run.order(lambda m: m.begin_batch(0, 2, 10))
    pressed = client.post(f"/internal/jobs/{job.id}/interrupt").json()
    assert pressed["interruption"] == "after batch"
    assert client.post(f"/internal/jobs/{job.id}/skip").status_code == 200
    assert server.run.ask(lambda m: m.stop_now)
    assert client.post(f"/internal/jobs/{second.id}/cancel").json()["state"] == "cancelled"


def test_other_peoples_jobs_do_not_exist(guarded: Server):
    client = guarded.client()
    client.post("/login", data={"username": "bob", "password": "battery:staple"})
    job = submit(guarded, "ann")
    guarded.run.wait_until_running()
    job.show_preview(b"jpeg")
    assert client.get("/internal/jobs").json() == []
    assert client.get(f"/internal/progress?job={job.id}").status_code == 404
    assert client.get(f"/internal/preview/{job.id}/1").status_code == 404
    for button in ("interrupt", "skip", "cancel"):
        assert client.post(f"/internal/jobs/{job.id}/{button}").status_code == 404
    assert not guarded.run.ask(lambda m: m.stop_now or m.stop_after_batch)


def test_a_failed_job_says_why(server: Server):
    def fail(monitor):
        raise ValueError("no luck")

    job = submit(server)
    server.run.wait_until_running()
    server.run.order(fail)
    assert job.wait(PATIENCE)
    now = server.client().get(f"/internal/progress?job={job.id}").json()
    assert now["state"] == "failed"
    assert "ValueError: no luck" in now["error"]


def test_notices_are_shown_once_each(server: Server):
    for _ in range(2):
        server.notices.add("There is no public link.")
    assert server.client().get("/internal/notices").json() == ["There is no public link."]


def test_the_result_of_a_job_is_kept_for_a_page_that_comes_back(server: Server):
    job = submit(server)
    server.run.wait_until_running()
    server.run.finish()
    assert job.wait(PATIENCE)
    found = server.context.engine.get(job.id)
    assert found is not None
    assert found.result is not None
    assert isinstance(found.result.pictures[0].image, Image.Image)
