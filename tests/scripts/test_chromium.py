"""scripts/test finds the Chromium of the browser tests, or installs one."""

from tests.scripts.conftest import Checkout

INSTALLS_CHROMIUM = """
case "$*" in
    *"install --yes"*chromium*)
        printf '#!/usr/bin/env bash\\n' >"${0%/*}/chromium"
        chmod +x "${0%/*}/chromium" ;;
esac
"""


def test_the_one_that_is_named_is_used(checkout: Checkout):
    named = checkout.add_program("my browser")
    checkout.add_program("chromium")
    done = checkout.start("test", REDRAW_CHROMIUM=str(named))
    assert f"chromium is {named}" in done.stdout


def test_one_that_is_named_and_does_not_start_is_refused(checkout: Checkout):
    done = checkout.start("test", REDRAW_CHROMIUM="/nowhere/chromium")
    assert done.returncode == 1
    assert "REDRAW_CHROMIUM is /nowhere/chromium, which does not start" in done.stderr
    assert not checkout.calls("-m pytest")


def test_one_on_the_path_is_used(checkout: Checkout):
    found = checkout.add_program("google-chrome")
    assert f"chromium is {found}" in checkout.start("test").stdout


def test_one_on_the_path_that_does_not_start_is_passed_over(checkout: Checkout):
    checkout.add_program("chromium-browser", "exit 1")
    found = checkout.add_program("google-chrome")
    assert f"chromium is {found}" in checkout.start("test").stdout


def test_playwrights_own_is_used_when_the_path_has_none(checkout: Checkout):
    own = checkout.add_program("playwright's own")
    done = checkout.start("test", REDRAW_TEST_PLAYWRIGHT_CHROMIUM=str(own))
    assert f"chromium is {own}" in done.stdout
    assert not checkout.calls("-m playwright install")


def test_root_installs_the_systems_when_playwright_cannot_get_its_own(checkout: Checkout):
    checkout.add_program("id", "printf '0\\n'")
    checkout.add_program("apt-get", INSTALLS_CHROMIUM)
    done = checkout.start("test")
    assert checkout.calls("-m playwright install chromium")
    assert f"chromium is {checkout.programs / 'chromium'}" in done.stdout


def test_others_are_told_what_to_do(checkout: Checkout):
    checkout.add_program("id", "printf '1000\\n'")
    checkout.add_program("apt-get", INSTALLS_CHROMIUM)
    done = checkout.start("test")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "No Chromium could be found or installed; install one and give its path in REDRAW_CHROMIUM."
    )
    assert not checkout.calls("-m pytest")
