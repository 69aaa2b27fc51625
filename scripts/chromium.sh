# Finds or installs the Chromium that the browser tests drive; sourced after lib.sh.
#
# REDRAW_CHROMIUM     the Chromium or Chrome to use; else one from the PATH, Playwright's own, or one installed now

# Tell whether the given program starts: a name on the PATH may be an empty shell for a package that is not there.
starts() {
    "$1" --version >/dev/null 2>&1
}

playwright_chromium() {
    "$python" -c '
from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
'
}

# Print the path of a Chromium that is already there, or fail.
find_chromium() {
    local name path
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if path=$(type -P "$name") && starts "$path"; then
            printf '%s\n' "$path"
            return
        fi
    done
    path=$(playwright_chromium) && starts "$path" && printf '%s\n' "$path"
}

# Install Chromium and fonts for the page's text and for its buttons, which are emoji.
install_system_chromium() {
    if type -P apt-get >/dev/null; then
        apt-get update &&
            DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
                chromium fonts-dejavu-core fonts-noto-color-emoji
    elif type -P dnf >/dev/null; then
        dnf install --assumeyes chromium dejavu-sans-fonts google-noto-color-emoji-fonts
    elif type -P pacman >/dev/null; then
        pacman --sync --refresh --noconfirm chromium ttf-dejavu noto-fonts-emoji
    else
        return 1
    fi
}

# Set and export REDRAW_CHROMIUM, installing a Chromium if there is none.
ensure_chromium() {
    if [ -n "${REDRAW_CHROMIUM:-}" ]; then
        starts "$REDRAW_CHROMIUM" ||
            fail "REDRAW_CHROMIUM is $REDRAW_CHROMIUM, which does not start; give the path of a Chromium or unset it."
        export REDRAW_CHROMIUM
        return
    fi
    if ! REDRAW_CHROMIUM=$(find_chromium); then
        printf 'The browser tests need a Chromium and there is none yet; installing one.\n' >&2
        # To standard error, since what a function prints is its answer here.
        "$python" -m playwright install chromium >&2 || true
        if ! REDRAW_CHROMIUM=$(find_chromium) && [ "$(id -u)" -eq 0 ]; then
            install_system_chromium >&2 || true
            REDRAW_CHROMIUM=$(find_chromium) || true
        fi
    fi
    [ -n "$REDRAW_CHROMIUM" ] ||
        fail "No Chromium could be found or installed; install one and give its path in REDRAW_CHROMIUM."
    export REDRAW_CHROMIUM
}
