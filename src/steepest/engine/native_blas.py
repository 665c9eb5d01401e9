"""Addresses of what NumPy itself would call: its BLAS, and the inner loops of its functions.

Compiled steps that call the very same code get the very same bits. Each address is tried against
NumPy before it is trusted; where one is not found or disagrees, that kernel stays NumPy's.
"""

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

PRODUCTS = {"float32": "s", "float64": "d"}
CODES = {"float32": b"f", "float64": b"d"}


@dataclass(frozen=True)
class Blas:
    """Addresses of cblas_?gemm and cblas_?gemv, and the width of their integers in bits."""

    gemm: int
    gemv: int
    bits: int


@lru_cache(maxsize=2)
def blas(real: str) -> Blas | None:
    """Return the BLAS that NumPy is linked to for "float32" or "float64"; None where unknown."""
    found = _functions(*(f"cblas_{PRODUCTS[real]}{kind}" for kind in ("gemm", "gemv")))
    if found is None:
        return None
    (gemm, gemv), bits = found
    return Blas(address_of(gemm), address_of(gemv), bits)


@lru_cache(maxsize=1)
def blas_limit() -> tuple[ctypes.c_void_p, ctypes.c_void_p] | None:
    """Return the functions that tell and set how many threads NumPy's BLAS uses."""
    found = _functions("openblas_get_num_threads", "openblas_set_num_threads")
    if found is None:
        return None
    tell, limit = (ctypes.cast(function, ctypes.c_void_p) for function in found[0])
    return tell, limit


def _functions(*names: str) -> tuple[list[Any], int] | None:
    """Return functions of NumPy's BLAS, and the width of its integers in bits."""
    library = _library()
    if library is None:
        return None
    for prefix in ("scipy_", ""):
        for suffix, bits in (("64_", 64), ("", 32)):
            full = [f"{prefix}{name}{suffix}" for name in names]
            if all(hasattr(library, name) for name in full):
                return [getattr(library, name) for name in full], bits
    return None


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    """Return the OpenBLAS that comes with NumPy; None where NumPy uses another library."""
    from threadpoolctl import threadpool_info

    folder = Path(np.__file__).parent.parent
    for entry in threadpool_info():
        path = Path(entry["filepath"])
        own = path.parent in (folder / "numpy.libs", folder / "numpy" / ".dylibs")
        if entry["internal_api"] == "openblas" and own:
            try:
                return ctypes.CDLL(str(path))
            except OSError:
                return None
    return None


def address_of(function: Any) -> int:
    """Return where a library's function lies."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0


class _Ufunc(ctypes.Structure):
    """The head of PyUFuncObject, as NumPy's public C header `ufuncobject.h` lays it out."""

    _fields_ = [
        ("references", ctypes.c_ssize_t),
        ("type", ctypes.c_void_p),
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
    ]


@lru_cache(maxsize=16)
def loop(function: np.ufunc, real: str) -> tuple[int, int] | None:
    """Return (address, data) of a one-argument function's inner loop; None where it is not sure."""
    code = CODES[real].decode()
    wanted = f"{code}->{code}"
    if object.__basicsize__ != 16 or function.nin != 1 or wanted not in function.types:
        return None
    head = _Ufunc.from_address(id(function))
    shape = (head.nin, head.nout, head.nargs, head.ntypes)
    if shape != (1, 1, 2, function.ntypes) or head.name != function.__name__.encode():
        return None
    at = function.types.index(wanted)
    address, data = head.functions[at] or 0, head.data[at] or 0
    return (address, data) if address and _agrees(function, real, address, data) else None


def _agrees(function: np.ufunc, real: str, address: int, data: int) -> bool:
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)
    x = np.linspace(0.01, 5.0, 77).astype(real)
    y = np.empty_like(x)
    both = np.array([x.ctypes.data, y.ctypes.data], np.uintp)
    count, steps = np.array([x.size], np.intp), np.array([x.itemsize] * 2, np.intp)
    kind(address)(both.ctypes.data, count.ctypes.data, steps.ctypes.data, data)
    return bool(np.array_equal(y, function(x)))
