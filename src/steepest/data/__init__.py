"""Data sets: loaded by name or path, checked, digested, split and ordered.

A room of floor 1: it knows seeds, paths and errors, and nothing of networks. What comes out is
frozen; what is drawn is a function of a seed.
"""

from steepest.data.batch import batches, folds, order, some, split
from steepest.data.dataset import Dataset, from_arrays, take_classes, take_examples
from steepest.data.fold import Fold, all_folds
from steepest.data.source import SOURCES, Entry, fetch, listing, load, where

__all__ = [
    "SOURCES",
    "Dataset",
    "Entry",
    "Fold",
    "all_folds",
    "batches",
    "fetch",
    "folds",
    "from_arrays",
    "listing",
    "load",
    "order",
    "some",
    "split",
    "take_classes",
    "take_examples",
    "where",
]
