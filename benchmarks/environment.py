"""Virtual environments of their own, under .cache, for what is measured beside us."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.servers import ROOT


def python_of(package: str) -> Path:
    """The Python that has a package; it is installed from PyPI once, which takes a minute or two."""
    folder = ROOT / ".cache" / package
    python = folder / "bin" / "python"
    if not (folder / "bin" / package).exists():
        print(f"Installing {package} into .cache/{package}", file=sys.stderr)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--allow-existing", folder], check=True)
        subprocess.run(
            [*uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, package], check=True
        )
    return python
