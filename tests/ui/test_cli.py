"""Flags: what they mean, and when the program refuses to start."""

import socket
import subprocess
import sys

import pytest

import app
from pipelines.errors import StartRefused
from ui.cli import parse
from ui.listening import listen


def options_of(*arguments: str, tmp_path, **environment: str):
    return parse(arguments, default_dir=tmp_path, environment=environment)


def test_without_flags_only_this_machine_is_let_in(tmp_path):
    options = options_of(tmp_path=tmp_path)
    assert options.server_name == "127.0.0.1"
    assert options.port is None
    assert options.data_dir == tmp_path
    assert not options.share
    assert not options.accounts


def test_no_pickle_is_opened_unless_a_flag_allows_it(tmp_path):
    assert not options_of(tmp_path=tmp_path).allow_pickle
    assert options_of("--allow-pickle", tmp_path=tmp_path).allow_pickle


def test_nothing_is_downloaded_unless_a_flag_allows_it(tmp_path):
    assert not options_of(tmp_path=tmp_path).allow_downloads
    assert options_of("--allow-downloads", tmp_path=tmp_path).allow_downloads


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["--listen"], "--listen"),
        (["--server-name", "0.0.0.0"], "--server-name"),
        (["--server-name", "192.168.0.2"], "--server-name"),
        (["--server-name", "redraw.example"], "--server-name"),
        (["--server-name", "::"], "--server-name"),
        (["--share"], "--share"),
    ],
)
def test_others_are_let_in_only_with_accounts_or_outright(arguments, flag, tmp_path):
    with pytest.raises(StartRefused, match=f"^{flag} lets others in, so it needs --gradio-auth"):
        options_of(*arguments, tmp_path=tmp_path)
    assert options_of(*arguments, "--insecure", tmp_path=tmp_path)
    assert options_of(*arguments, "--gradio-auth", "ann:secret", tmp_path=tmp_path).accounts


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_loopback_by_name_needs_no_account(name, tmp_path):
    assert options_of("--server-name", name, tmp_path=tmp_path).server_name == name.strip("[]")


def test_server_name_wins_over_listen(tmp_path):
    options = options_of("--listen", "--server-name", "127.0.0.1", tmp_path=tmp_path)
    assert options.server_name == "127.0.0.1"


def test_accounts_of_flag_and_file_come_together(tmp_path):
    file = tmp_path / "accounts"
    file.write_text("bob:b:c, eve:d\n\nzoë:ü\n", encoding="utf-8")
    options = options_of(
        "--gradio-auth", "ann:a,", "--gradio-auth-path", str(file), tmp_path=tmp_path
    )
    assert options.accounts == (("ann", "a"), ("bob", "b:c"), ("eve", "d"), ("zoë", "ü"))


@pytest.mark.parametrize("text", ["", ",", "ann", "ann:", ":secret"])
def test_accounts_that_are_none_are_refused(text, tmp_path):
    with pytest.raises(StartRefused, match="user:password") as refused:
        options_of("--gradio-auth", text, tmp_path=tmp_path)
    assert "secret" not in str(refused.value)


def test_a_missing_or_empty_file_of_accounts_is_refused(tmp_path):
    with pytest.raises(StartRefused, match="No such file"):
        options_of("--gradio-auth-path", str(tmp_path / "none"), tmp_path=tmp_path)
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(StartRefused, match="names no account"):
        options_of("--gradio-auth-path", str(tmp_path / "empty"), tmp_path=tmp_path)


def test_the_environment_gives_flags_that_the_command_line_overrules(tmp_path):
    options = options_of(
        "--port", "7000", tmp_path=tmp_path, COMMANDLINE_ARGS="--theme dark --port 8000 --medvram"
    )
    assert (options.theme, options.port, options.medvram) == ("dark", 7000, True)


def test_an_environment_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(StartRefused, match="COMMANDLINE_ARGS"):
        options_of(tmp_path=tmp_path, COMMANDLINE_ARGS='--theme "dark')


@pytest.mark.parametrize(
    ("given", "path"),
    [("", ""), ("/", ""), ("a", "/a"), ("/a/b/", "/a/b"), ("a-b_c.d~e", "/a-b_c.d~e")],
)
def test_a_subpath_begins_with_a_slash_and_ends_without(given, path, tmp_path):
    assert options_of("--subpath", given, tmp_path=tmp_path).subpath == path


@pytest.mark.parametrize("given", ["a b", "a?b", "http://x", "<a>"])
def test_a_subpath_that_is_no_path_is_refused(given, tmp_path):
    with pytest.raises(StartRefused, match="--subpath"):
        options_of("--subpath", given, tmp_path=tmp_path)


def test_folders_must_be_there(tmp_path):
    with pytest.raises(StartRefused, match="--ckpt-dir must name a folder"):
        options_of("--ckpt-dir", str(tmp_path / "none"), tmp_path=tmp_path)
    assert options_of("--ckpt-dir", str(tmp_path), tmp_path=tmp_path).ckpt_dir == tmp_path


def test_a_vae_that_is_not_there_is_refused(tmp_path):
    path = tmp_path / "sharp.safetensors"
    with pytest.raises(StartRefused, match="--vae-path must name a file"):
        options_of("--vae-path", str(path), tmp_path=tmp_path)
    path.touch()
    assert options_of("--vae-path", str(path), tmp_path=tmp_path).vae_path == path
    options = options_of("--controlnet-dir", str(tmp_path), tmp_path=tmp_path)
    assert options.controlnet_dir == tmp_path


def test_folders_for_batches_are_given_one_by_one_and_must_be_there(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    given = [f"--allow-dir={tmp_path / name}" for name in ("a", "b")]
    options = options_of(*given, tmp_path=tmp_path)
    assert options.allow_dirs == (tmp_path / "a", tmp_path / "b")
    assert options_of(tmp_path=tmp_path).allow_dirs == ()
    with pytest.raises(StartRefused, match="--allow-dir must name a folder"):
        options_of(f"--allow-dir={tmp_path / 'unicorn'}", tmp_path=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "local"),
    [
        ([], True),
        (["--server-name", "localhost"], True),
        (["--gradio-auth", "ann:secret"], True),
        (["--listen", "--insecure"], False),
        (["--share", "--insecure"], False),
        (["--allowed-hosts", "redraw.example"], False),
        (["--subpath", "/redraw"], False),
    ],
)
def test_the_outputs_may_be_named_by_pages_of_this_machine_alone(arguments, local, tmp_path):
    (tmp_path / "mine").mkdir()
    options = options_of(*arguments, f"--allow-dir={tmp_path / 'mine'}", tmp_path=tmp_path)
    assert options.is_local is local
    own = [tmp_path / "outputs"] if local else []
    assert app.allowed_folders(options).roots == (tmp_path / "mine", *own)


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_ports_have_a_range(port, tmp_path):
    with pytest.raises(StartRefused, match="--port must lie between 0 and 65535"):
        options_of("--port", port, tmp_path=tmp_path)


def test_a_taken_port_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartRefused, match=f"^Port {port} is taken; "):
            listen("127.0.0.1", port)


def test_without_a_port_the_first_free_one_is_found(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        start = taken.getsockname()[1]
        monkeypatch.setattr("ui.listening.DEFAULT_PORT", start)
        listener, port = listen("127.0.0.1", None)
        with listener:
            assert start < port < start + 100


def test_an_address_of_another_machine_is_one_sentence():
    with pytest.raises(StartRefused, match="is not an address of this machine"):
        listen("192.0.2.1", 0)


def test_refusals_are_one_sentence_and_status_2(capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("COMMANDLINE_ARGS", raising=False)
    assert app.main(["--listen"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert "--gradio-auth" in shown.err


def test_importing_the_program_imports_nothing_heavy():
    heavy = "torch diffusers transformers cv2 gradio"
    code = f"import sys, app; print([m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
