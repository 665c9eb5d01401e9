"""Lets the tests of this room import their sample study as `report.sample`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
