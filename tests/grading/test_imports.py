"""What a worker imports: it starts once for each processor, and again after each fault of ours."""

import subprocess
import sys


def test_no_grammar_is_compiled_and_no_large_library_imported():
    code = "import sys, lecture5.grading.pool; print(*sys.modules)"
    names = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "nbformat" in names
    assert not {"lark", "arrow", "torch", "matplotlib", "scipy", "pandas"} & set(names)
