"""Where things lie: the data cache, the runs folder, and whether the network may be used."""

import os
from pathlib import Path


def data_folder() -> Path:
    """Return the folder of data sets: `STEEPEST_DATA`, else the platform's cache folder."""
    named = os.environ.get("STEEPEST_DATA")
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return Path(user_cache_path("steepest")) / "data"


def runs_folder() -> Path:
    """Return the folder that receives runs and studies: `runs` in the current folder."""
    return Path("runs")


def store_url() -> str:
    """Return the store's URL: `STEEPEST_STORE`, else SQLite inside the runs folder."""
    return os.environ.get("STEEPEST_STORE") or f"sqlite:///{runs_folder() / 'steepest.db'}"


def is_offline() -> bool:
    """Tell whether `STEEPEST_OFFLINE` forbids the network."""
    return os.environ.get("STEEPEST_OFFLINE", "").lower() not in ("", "0", "false", "no")
