"""pilot-eval: evaluate a health-care pilot with few sites, honestly."""

import os

__all__ = ["__version__"]

__version__ = "0.1.0"

# One thread of linear algebra, unless the user says otherwise. The matrices here are small: threads
# wait for one another more than they work (the sample study on two busy cores: 83 s of processor
# time against 9), and sums taken in one order give the same bytes on every run.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# What polars has freed goes back to the system at once: its allocator would keep it for a second,
# which is a quarter of a gigabyte while hospital records are read.
os.environ.setdefault("_RJEM_MALLOC_CONF", "muzzy_decay_ms:0")
