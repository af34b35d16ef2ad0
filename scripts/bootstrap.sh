#!/bin/sh
# Create .venv with the tools that install the rest. Uses $PYTHON, or the first Python 3.11 or newer that it finds.
set -eu
cd "$(dirname "$0")/.."

is_new_enough() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if is_new_enough "$candidate"; then python=$candidate && break; fi
done
if [ -z "$python" ]; then
    echo "AI Manager needs Python 3.11 or newer; none was found. Install one, or name it: make PYTHON=/path/to/python3" >&2
    exit 1
fi

# Debian has a package of its own for the venv module.
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')
    if ! sh scripts/system.sh "$package"; then
        echo "Python's venv module is incomplete here. Install it (on Debian and Ubuntu: apt install $package)." >&2
        exit 1
    fi
fi

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    "$python" -m venv --clear .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r scripts/bootstrap/tools.txt
