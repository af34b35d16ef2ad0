"""Put the pages' own scripts and styles into static/bundle: a few small, compressed files in the place of many.

Nothing has to be built for who edits them: when a source is newer than the bundle, the server leaves the bundle alone
(aimanager/http/bundle.py), and `make` makes it again.
"""

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import brotli
from assets import ROOT, install_packages, write
from node import node

from aimanager.http import bundle

STATIC = ROOT / "static"
CACHE = ROOT / ".cache"
FOLDER = STATIC / bundle.FOLDER
ESBUILD = ROOT / "node_modules/esbuild/bin/esbuild"


def main() -> None:
    """Build the bundle, and put it in place as a whole."""
    if bundle.read_bundle(ROOT):
        return
    if not ESBUILD.exists():
        install_packages("--omit=dev")
    sources = bundle.digest_of_sources(ROOT)
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:  # Not below static/, which a server may be reading.
        built = Path(scratch) / "built"
        about = describe(sources, build(built, Path(scratch)))
        for path in sorted(built.iterdir()):
            content = path.read_bytes()
            write(path.with_name(f"{path.name}.gz"), gzip.compress(content, mtime=0))
            write(path.with_name(f"{path.name}.br"), brotli.compress(content))
        write(built / bundle.ABOUT, json.dumps(about, indent=1).encode())
        shutil.rmtree(FOLDER, ignore_errors=True)
        try:
            built.replace(FOLDER)
        except OSError:
            if not bundle.read_bundle(ROOT):  # Else somebody has put the same one there meanwhile.
                raise


def build(folder: Path, scratch: Path) -> dict[str, dict]:
    """Run esbuild; return what it says of each file that it wrote, by the file's name."""
    styles, shared = scratch / "styles.css", scratch / "shared.js"
    styles.write_text("".join(f'@import "{STATIC / bundle.sheet_path(name)}";\n' for name in bundle.sheets(ROOT)))
    own = [str(STATIC / bundle.sheet_path(name)) for name in bundle.own_sheets(ROOT)]
    names = ["--entry-names=[name]-[hash]", "--chunk-names=[name]-[hash]"]
    # What several scripts import would get a file for each set of them. Where all import it, it has one file.
    shared.write_text("".join(f'import "{STATIC / path}";\n' for path in sorted(in_chunks(esbuild(scratch / "apart")))))
    return esbuild(folder, str(styles), *own, *names, f"--inject:{shared}")


def esbuild(folder: Path, *more: str) -> dict[str, dict]:
    """Bundle the scripts and what else is named into a folder; return esbuild's account by the name of the file."""
    # Nothing is rewritten for older browsers: what is served is what was written.
    options = ["--bundle", "--minify", "--splitting", "--format=esm", "--target=esnext", "--log-level=warning"]
    meta = folder.with_name(f"{folder.name}.json")
    command = [*node(), str(ESBUILD), str(STATIC / bundle.ENTRY), *more, *options]
    command += [f"--outdir={folder}", f"--metafile={meta}"]
    done = subprocess.run(command, cwd=STATIC, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"The pages' scripts could not be bundled:\n{done.stdout}{done.stderr}")
    outputs = json.loads(meta.read_bytes())["outputs"]
    return {Path(path).name: output for path, output in outputs.items()}


def in_chunks(outputs: dict[str, dict]) -> set[str]:
    """The modules that are in files of their own because several scripts import them."""
    return {path for output in outputs.values() if "entryPoint" not in output for path in output["inputs"]}


def describe(sources: str, outputs: dict[str, dict]) -> dict[str, object]:
    """What the server has to know: the files of the styles, and for each script that may be asked for its files."""
    entries = {output["entryPoint"]: name for name, output in outputs.items() if "entryPoint" in output}
    scripts = {source: [name, *needed(outputs, name)] for source, name in entries.items() if source.startswith("js/")}
    own = {Path(source).stem: name for source, name in entries.items() if source.startswith("css/")}
    (styles,) = {name for name in entries.values() if name.endswith(".css")} - set(own.values())
    return {"sources": sources, "styles": styles, "own_styles": own, "scripts": scripts}


def needed(outputs: dict[str, dict], name: str) -> list[str]:
    """The files that a file cannot start without."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        for one in outputs[waiting.pop()]["imports"]:
            imported = Path(one["path"]).name
            if one["kind"] == "import-statement" and imported not in found:
                found.append(imported)
                waiting.append(imported)
    return found


if __name__ == "__main__":
    main()
