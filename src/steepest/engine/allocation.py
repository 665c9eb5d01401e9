"""How the C library hands out memory: keep freed blocks instead of giving them back.

ATen's convolutions allocate their results. By default glibc maps blocks of megabytes anew each time
and the kernel clears every page: on QuizDNN's step that is 40 % more time.
"""

import ctypes
import sys

MMAP_MAX, TRIM_THRESHOLD = -4, -1  # glibc's malloc.h
KEPT = 1 << 30  # bytes at the top of the heap that are not given back


def keep_freed_blocks() -> bool:
    """Tell glibc to reuse freed memory for the rest of the process; return whether it obeyed.

    On other systems nothing is changed and the answer is False.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library, such as musl
        return False
    return bool(set_option(MMAP_MAX, 0) and set_option(TRIM_THRESHOLD, KEPT))
