"""The vendored files are the ones their README names."""

import hashlib
import re
from importlib.resources import files

VENDOR = files("steepest.report") / "vendor"


def test_hashes_match_the_readme():
    """Name, size and SHA-256 of every script agree with the table."""
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    listed = dict(
        re.findall(r"^\| `([^`]+\.js)` .* (\d+ \| `[0-9a-f]{64})` \|$", readme, re.MULTILINE)
    )
    found = {
        path.name: f"{len(path.read_bytes())} | `{hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in VENDOR.iterdir()
        if path.name.endswith(".js")
    }
    assert listed == found


def test_scripts_cannot_end_their_block():
    """No vendored file, nor the licence comment, holds what would close a script or a comment."""
    for path in VENDOR.iterdir():
        text = path.read_text(encoding="utf-8").lower()
        assert "</script" not in text
        assert "<!--" not in text
    assert "*/" not in (VENDOR / "LICENSE").read_text(encoding="utf-8")
