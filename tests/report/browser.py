"""Headless Chromium: a page's document after its scripts ran, and what the console said."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--v=0", "--virtual-time-budget=10000", "--dump-dom",
)  # fmt: skip


@dataclass(frozen=True)
class Visit:
    """The document as it stands after the scripts ran, and the lines of the console."""

    document: str
    console: tuple[str, ...]


def visit(page: Path, profile: Path, width: int = 1280) -> Visit:
    """Open a file in a fresh profile."""
    command = [
        str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", f"--window-size={width},900",
        page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    lines = tuple(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return Visit(done.stdout, lines)
