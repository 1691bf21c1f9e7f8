"""A data set through a model, row by row, on many processes or machines; a receipt for each row.

Inference is spread. Sealing stays with whoever owns the log: workers have no key and no journal.
"""

from .mapper import Backend, Mapper, Options, Summary
from .results import outputs, receipts
from .sources import DataSet, open_data

__all__ = [
    "Backend",
    "DataSet",
    "Mapper",
    "Options",
    "Summary",
    "open_data",
    "outputs",
    "receipts",
]
