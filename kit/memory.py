"""Python's collector of cycles, kept from where there are none to find."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Do not look for cycles meanwhile, in the whole process: among millions of rows that takes a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def keep_what_is_loaded() -> None:
    """Never look for cycles again in what is there now: the modules, the schema, the documents of a server.

    That is a quarter of a million objects, and to walk them takes a quarter of a second now and then, in which nobody
    is answered. Once for each process that serves, before it starts others: they share this memory with it then.
    """
    gc.collect()
    gc.freeze()
