"""Asking the C library to keep freed blocks."""

import subprocess
import sys

import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="an option of glibc")
def test_freed_blocks_are_reused_without_new_pages():
    """A large array made again and again faults its pages in once."""
    code = """
import resource, sys
import numpy as np
from steepest.engine.allocation import keep_freed_blocks
if not keep_freed_blocks():
    sys.exit(77)
np.ones(4_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(4_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    if found.returncode == 77:
        pytest.skip("this C library has no such option")
    assert int(found.stdout) < 2000  # one array has 7,800 pages
