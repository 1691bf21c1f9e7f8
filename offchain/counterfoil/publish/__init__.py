"""Batch files, given out and fetched: written for any static host, read from any, trusted never."""

from .fetch import Expected, fetch_batch
from .folder import address_of, load_batch, name_of, publish_batch, write_whole
from .hosts import Hosts

__all__ = [
    "Expected",
    "Hosts",
    "address_of",
    "fetch_batch",
    "load_batch",
    "name_of",
    "publish_batch",
    "write_whole",
]
