"""Choose versions anew: resolve pyproject.toml's dependencies for every platform into constraints.txt.

Only torch stays at its pin: raise it here, on purpose, and run the tests. CUDA's own packages are left out: torch names
their exact versions itself, on the platforms that have them.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = "torch==2.13.0\n"

with tempfile.TemporaryDirectory() as folder:
    pins = Path(folder, "pins.txt")
    pins.write_text(PINS)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    options = ["--extra", "dev", "--python-version", "3.11", "--universal", "--no-header", "--no-annotate"]
    resolved = subprocess.run(
        [Path(sys.executable).with_name("uv"), "pip", "compile", "pyproject.toml", *options, "-c", pins],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
lines = [line for line in resolved.splitlines(keepends=True) if not line.startswith(("nvidia-", "cuda-"))]
(ROOT / "constraints.txt").write_text("".join(lines))
print(f"constraints.txt: {len(lines)} packages")
