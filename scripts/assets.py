"""Put the pages' third-party scripts into static/vendor: installed by npm, checked by digest, compressed.

With `--dev` it installs the packages that check and test our own scripts into node_modules, and nothing else.
"""

import gzip
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import brotli
from node import npm

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
DIGESTS = ROOT / "scripts" / "assets.sha256"

HTMX = ROOT / "node_modules/htmx.org/dist/htmx.min.js"
PLOTLY = ROOT / "node_modules/plotly.js-basic-dist-min/plotly-basic.min.js"
# Chromium then compiles the whole of it beside the page's work while it arrives; otherwise it parses all of it once more
# when it runs, and compiles each function when it is called. That took a third of the time to the first chart.
COMPILED_AT_ONCE = b"//# allFunctionsCalledOnLoad\n"
NEVER_SHOWN = re.compile(r"modebar|notifier|cloud-dialog|data-title")


def main() -> None:
    """Build every file, and change static/vendor only if all are what the repository expects."""
    expected = {name: digest for digest, name in (line.split() for line in DIGESTS.read_text().splitlines())}
    if all((VENDOR / f"{name}.br").exists() and sha256(VENDOR / name) == expected[name] for name in expected):
        return
    install_packages("--omit=dev")
    files = {
        HTMX.name: HTMX.read_bytes(),
        PLOTLY.name: COMPILED_AT_ONCE + PLOTLY.read_bytes(),
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


def install_packages(*options: str) -> None:
    """Run `npm ci`, which compares every package with the hash in package-lock.json."""
    done = subprocess.run([*npm(), "ci", "--loglevel=error", *options], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"npm could not install the packages of package-lock.json:\n{done.stdout}{done.stderr}")


def plotly_css(bundle: str) -> str:
    """Write the style rules that Plotly would inject into the page as a stylesheet.

    A strict Content-Security-Policy forbids the injection. The bundle keeps the rules in one object, from
    selector to declarations, where X and Y stand for the chart and for the notifier; it inserts each rule
    before the others, so the last one comes first in the sheet. Rules of what our charts never show are left out.
    """
    table = re.search(r'\{("X,X div":.*?)\};for\((\w+) in \w+\)\w+=\2\.replace', bundle)
    if not table:
        sys.exit("Plotly's bundle holds its style rules in another way than scripts/assets.py knows.")
    rule = re.compile(r"""(?:"([^"]*)"|(\w+)):(?:"([^"]*)"|'([^']*)')(?:,|$)""")
    rules, end = [], 0
    while match := rule.match(table[1], end):
        quoted, bare, double, single = match.groups()
        selector = (quoted or bare).replace("X", ".js-plotly-plot .plotly").replace("Y", ".plotly-notifier")
        if not NEVER_SHOWN.search(selector):
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
    if sys.argv[1:] == ["--dev"]:
        install_packages()
    else:
        main()
