"""What a process spends on something, told as its last line."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, process_time


@contextmanager
def spent() -> Iterator[None]:
    began, used = perf_counter(), process_time()
    yield
    wall, cpu = perf_counter() - began, process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak}), flush=True)
