"""`steepest export`: a trained network in a format of other programs, checked by its numbers."""

from pathlib import Path

from steepest.cli.screen import say


def export(
    run: str, *, to: str = "onnx", weights: str | None = None, out: Path | None = None
) -> None:
    """Export a run's network to onnx, torch, torch-export, safetensors or npz, and check it.

    Parameters
    ----------
    run
        A run's folder, or the start of its key.
    to
        onnx; torch (readable source with weights); torch-export (.pt2); safetensors; npz.
    weights
        best or last [those the run was measured by].
    out
        The file to write [network.* in the run's folder].
    """
    from steepest.cli.restored_run import restore
    from steepest.train.export import check_format
    from steepest.train.export import export as write

    check_format(to)
    found = restore(run, weights)
    done = write(found.session, to, out or found.folder / "network")
    near = (
        f"equal to ours to {done.error:.1e} of the largest output" if done.error else "ours exactly"
    )
    files = " and ".join(map(str, done.files))
    say(f"wrote {files}: its outputs are {near} on {done.examples} examples")
