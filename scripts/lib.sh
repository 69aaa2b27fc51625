# What scripts/run, scripts/test and scripts/check share; sourced, never run. Works with the bash 3.2 of macOS.
#
# REDRAW_PYTHON       the Python to make .venv with; else the first of the usual names that is new enough
# REDRAW_TORCH_INDEX  a further package index, for another build of torch than the usual one, for example
#                     https://download.pytorch.org/whl/cpu on a machine without a graphics card

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
python=$venv/bin/python

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Print the name of a Python that Redraw runs on.
find_python() {
    local candidate
    for candidate in ${REDRAW_PYTHON:+"$REDRAW_PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Redraw needs Python 3.11 or newer and found none on the PATH; set REDRAW_PYTHON to one that is elsewhere."
}

# Print all that an install depends on. The folder is in it because a moved .venv still points at its old place.
describe_install() {
    printf '%s\n' "$root" "${REDRAW_TORCH_INDEX:-}"
    cat "$root/pyproject.toml" "$root/constraints.txt"
}

make_venv() {
    local chosen
    chosen=$(find_python) || exit 1
    "$chosen" -m venv --clear "$venv" ||
        fail "$chosen could not make $venv; on Debian and Ubuntu, install the package python3-venv first."
}

# Install Redraw into .venv unless that is done already: ensure_installed [extra]
#
# The stamp is written last, so that the next start takes up an install that was cut short.
ensure_installed() {
    local extra=${1:-}
    local stamp=$venv/installed${extra:+-$extra} wanted info
    wanted=$(describe_install)
    if [ -x "$python" ] && [ -f "$stamp" ] && [ "$wanted" = "$(<"$stamp")" ]; then
        return
    fi
    if ! "$python" -m pip --version >/dev/null 2>&1; then
        make_venv
    fi
    printf 'Installing Redraw into %s; the first time takes some minutes.\n' "$venv"
    # pip names itself in a package's folder when that package is complete; it takes others for installed too.
    for info in "$venv"/lib/python3*/site-packages/*.dist-info; do
        [ ! -d "$info" ] || [ -e "$info/INSTALLER" ] || rm -rf "$info"
    done
    (
        cd "$root"
        "$python" -m pip install --disable-pip-version-check --constraint constraints.txt \
            ${REDRAW_TORCH_INDEX:+--extra-index-url "$REDRAW_TORCH_INDEX"} --editable ".${extra:+[$extra]}"
    ) || fail "The install did not finish; the reason is above. The same command goes on where this one stopped."
    # An extra comes on top of the plain install, so that both are done now.
    printf '%s\n' "$wanted" | tee "$venv/installed" >"$stamp"
}
