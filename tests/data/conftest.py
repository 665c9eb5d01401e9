"""A data folder of one's own, no network, and nothing kept from other tests."""

import pytest

from steepest.data.source import MEMO


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("STEEPEST_DATA", str(folder))
    monkeypatch.setenv("STEEPEST_OFFLINE", "1")
    MEMO.clear()
    return folder
