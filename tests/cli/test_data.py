"""`steepest data`: list, fetch, path."""

from steepest.data import SOURCES


def test_the_list_names_every_set_and_whether_it_is_here(call):
    code, out, err = call("data", "list")
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line.split()[1] for line in out.splitlines()[1:]}
    assert set(rows) == set(SOURCES)
    assert rows["digits"] == rows["mnist1d"] == "yes"
    assert rows["mnist"] == rows["cifar100"] == "no"
    assert call("data")[1] == out


def test_path_is_the_cache_or_the_folder_of_a_set(call, tmp_path):
    assert call("data", "path") == (0, f"{tmp_path / 'cache'}\n", "")
    assert call("data", "path", "mnist") == (0, f"{tmp_path / 'cache' / 'mnist'}\n", "")
    sentence = "data set 'digits' is bundled and has no folder"
    assert call("data", "path", "digits") == (2, "", f"steepest: {sentence}\n")


def test_fetch_needs_a_name_and_a_network(call):
    """Bundled sets need none; an absent one offline is code 4."""
    assert call("data", "fetch")[0] == 2
    assert call("data", "fetch", "digits")[0] == 0
    code, out, err = call("data", "fetch", "mnist")
    assert (code, out) == (4, "")
    assert err.count("\n") == 1


def test_an_unknown_action_lists_the_known(call):
    sentence = "unknown action 'fetsh'; did you mean 'fetch'? Known: fetch, list, path"
    assert call("data", "fetsh") == (2, "", f"steepest: {sentence}\n")
