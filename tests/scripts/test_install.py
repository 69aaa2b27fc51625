"""scripts/run, scripts/test and scripts/check install what they need, once."""

import pytest

from tests.scripts.conftest import Checkout

INSTALL = "-m pip install"


def test_the_first_start_installs_and_then_starts_the_program(checkout: Checkout):
    done = checkout.start("run", "--port", "7861", "--theme", "two words")
    assert done.returncode == 0, done.stderr
    assert "--constraint constraints.txt --editable ." in checkout.calls(INSTALL)[0]
    assert checkout.calls()[-1] == f"{checkout.folder}/app.py --port 7861 --theme two words"


def test_the_second_start_installs_nothing(checkout: Checkout):
    checkout.start("run")
    before = len(checkout.calls())
    checkout.start("run")
    assert checkout.calls()[before:] == [f"{checkout.folder}/app.py"]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_dependencies_are_installed(checkout: Checkout, name: str):
    checkout.start("run")
    with (checkout.folder / name).open("a") as file:
        file.write("# changed\n")
    checkout.start("run")
    assert len(checkout.calls(INSTALL)) == 2


def test_a_moved_folder_is_installed_again(checkout: Checkout):
    checkout.start("run")
    moved = checkout.folder.rename(checkout.folder.with_name("elsewhere"))
    done = Checkout(folder=moved, programs=checkout.programs, log=checkout.log).start("run")
    assert done.returncode == 0, done.stderr
    assert len(checkout.calls(INSTALL)) == 2


def test_a_failed_install_is_said_and_the_next_start_takes_it_up(checkout: Checkout):
    failed = checkout.start("run", REDRAW_TEST_BROKEN_INSTALL="yes")
    assert failed.returncode == 1
    assert "The install did not finish" in failed.stderr
    assert not checkout.calls("app.py")
    assert checkout.start("run").returncode == 0
    assert checkout.calls("app.py")


def test_a_package_that_was_being_written_when_the_install_died_is_installed_again(
    checkout: Checkout,
):
    checkout.start("run", REDRAW_TEST_BROKEN_INSTALL="yes")
    packages = checkout.folder / ".venv/lib/python3.11/site-packages"
    whole, half = packages / "whole-1.0.dist-info", packages / "half-1.0.dist-info"
    for info in (whole, half):
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Name: a package\n")
    (whole / "INSTALLER").write_text("pip\n")
    checkout.start("run")
    assert whole.exists()
    assert not half.exists()


def test_too_old_a_python_is_refused_with_one_sentence(checkout: Checkout):
    done = checkout.start("run", REDRAW_TEST_OLD_PYTHON="yes")
    assert done.returncode == 1
    assert done.stderr.startswith("Redraw needs Python 3.11 or newer")
    assert len(done.stderr.splitlines()) == 1


def test_another_index_for_torch_is_handed_to_pip(checkout: Checkout):
    checkout.start("run", REDRAW_TORCH_INDEX="https://example.org/cpu")
    assert "--extra-index-url https://example.org/cpu" in checkout.calls(INSTALL)[0]


def test_the_tests_install_their_extra_and_then_the_program_needs_nothing_more(checkout: Checkout):
    checkout.add_program("chromium")
    done = checkout.start("test", "-k", "some words")
    assert done.returncode == 0, done.stderr
    options = "--numprocesses 2 --dist loadfile --no-loadscope-reorder"
    assert checkout.calls()[-1] == f"-m pytest {options} -k some words"
    assert checkout.calls(INSTALL)[0].endswith("--editable .[test]")
    checkout.start("run")
    assert len(checkout.calls(INSTALL)) == 1


def test_the_check_goes_on_after_a_fault_and_fails(checkout: Checkout):
    assert checkout.start("check").returncode == 0
    assert checkout.start("check", REDRAW_TEST_STYLE_FAULT="yes").returncode == 1
    assert checkout.calls()[-3:] == ["-m ruff check", "-m ruff format --check", "-m basedpyright"]
