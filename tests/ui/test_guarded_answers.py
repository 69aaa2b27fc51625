"""Headers of every answer, limits on what is sent, and files that are not served."""

from urllib.parse import quote

import pytest

from tests.helpers.serving import Server, hidden_file, serving


@pytest.mark.parametrize("path", ["/", "/internal/ping", "/nowhere", "/gradio_api/info"])
def test_every_answer_carries_the_security_headers(server: Server, path):
    with server.client() as client:
        headers = client.get(path).headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert "http" not in headers["content-security-policy"], "no other host may be talked to"


def test_refusals_carry_them_too(guarded: Server):
    response = guarded.client().get("/internal/ping")
    assert response.status_code == 401
    assert response.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/monitoring/summary"])
def test_nothing_describes_the_server(server: Server, path):
    with server.client() as client:
        assert client.get(path).status_code in (403, 404)


def test_gradio_records_nothing(server: Server):
    with server.client() as client:
        config = client.get("/config").json()
    assert config["run_history"] is False
    assert config["analytics_enabled"] is False


@pytest.fixture
def small(tmp_path):
    """A server that accepts one megabyte."""
    with serving(tmp_path, settings={"max_upload_megabytes": 1.0}) as server:
        yield server


def upload(client, content):
    return client.post("/gradio_api/upload", files={"files": ("a.png", content)})


def test_a_file_over_the_limit_is_refused_with_a_sentence(small: Server):
    with small.client() as client:
        assert upload(client, b"x" * 500_000).status_code == 200
        response = upload(client, b"x" * 1_100_000)
    assert response.status_code == 413
    assert response.json()["detail"] == "The file is larger than the 1 MB that the settings allow."


def test_the_limit_is_counted_and_not_believed(small: Server):
    sent = 0

    def endless():
        nonlocal sent
        boundary = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        yield boundary
        for _ in range(30):
            sent += 100_000
            yield b"x" * 100_000

    with small.client() as client:
        response = client.post(
            "/gradio_api/upload",
            content=endless(),
            headers={"content-type": "multipart/form-data; boundary=x"},
        )
    assert response.status_code == 413
    assert "1 MB" in response.json()["detail"]


@pytest.mark.parametrize("length", ["-1", "1e9", "many"])
def test_a_senseless_length_is_refused(small: Server, length):
    response = small.client().post("/gradio_api/upload", headers={"content-length": length})
    assert response.status_code == 413


def test_parts_without_end_are_refused(server: Server):
    many = {f"field{number}": "x" for number in range(1100)}
    with server.client() as client:
        response = client.post("/gradio_api/upload", data=many, files={"files": ("a", b"x")})
        assert response.status_code == 400
        long_name = "x" * 20_000
        response = client.post("/gradio_api/upload", files={"files": (long_name, b"x")})
        assert response.status_code in (400, 413)
        assert client.get("/internal/ping").status_code == 200


def paths_to(path):
    """Ways of writing a file's path in an address."""
    yield str(path)
    yield quote(str(path), safe="")
    yield quote(quote(str(path), safe=""), safe="")
    yield str(path).replace("/.", "/%2e")
    yield str(path).replace("/.", "/%252e")
    yield str(path).replace("/.", "%5c.")
    yield f"{path.parent}/x/../{path.name}"
    yield f"{path.parent}//./{path.name}"


def test_pictures_of_the_outputs_are_served(server: Server):
    picture = server.context.outputs / "a.png"
    picture.write_bytes(b"picture")
    with server.client() as client:
        assert client.get(f"/gradio_api/file={picture}").content == b"picture"


def test_dot_files_of_the_outputs_are_not(server: Server):
    outputs = server.context.outputs
    (outputs / ".cache").mkdir(exist_ok=True)
    inside = outputs / ".cache" / "a.png"
    inside.write_bytes(b"secret")
    with server.client() as client:
        for target in (hidden_file(outputs), inside):
            for written in paths_to(target):
                for prefix in ("/gradio_api/file=", "/file=", "/gradio_api/file%3D"):
                    response = client.get(prefix + written)
                    assert response.status_code in (403, 404), (prefix, written)
                    assert b"secret" not in response.content


def test_links_to_dot_files_are_not_served(server: Server):
    outputs = server.context.outputs
    link = outputs / "innocent.png"
    link.symlink_to(hidden_file(outputs))
    with server.client() as client:
        assert client.get(f"/gradio_api/file={link}").status_code == 403


def test_a_hidden_data_folder_does_not_hide_its_outputs(tmp_path):
    with serving(tmp_path / ".local") as server, server.client() as client:
        picture = server.context.outputs / "a.png"
        picture.write_bytes(b"picture")
        assert client.get(f"/gradio_api/file={picture}").status_code == 200


def test_nothing_outside_the_outputs_is_served(server: Server):
    config = server.context.data_dir / "config.json"
    assert config.exists()
    (server.context.outputs / "link.json").symlink_to(config)
    targets = (
        config,
        server.context.outputs / ".." / "config.json",
        server.context.outputs / "link.json",
        "/etc/passwd",
        "../../../../../../etc/passwd",
        "http://127.0.0.1:22/",
        "https:%2F%2Fexample.com/",
    )
    with server.client() as client:
        for target in targets:
            for prefix in ("/gradio_api/file=", "/file="):
                response = client.get(f"{prefix}{target}")
                assert response.status_code in (403, 404), target
