"""The child process: takes requests, does them one after the other, tells how far it is."""

from __future__ import annotations

import ast
import io
import logging
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Client, Connection
from pathlib import Path

from rich.console import Console

from napari_procguide.engine.messages import Done, Failed, Progress, Request
from napari_procguide.engine.state import State
from napari_procguide.engine.tasks import task
from procguide.cli.steps import Advance, Steps
from procguide.errors import ProcguideError

__all__ = ["ToldSteps", "main", "serve"]


class ToldSteps(Steps):
    """Steps of a run that are told to the window."""

    def __init__(self, connection: Connection, number: int) -> None:
        super().__init__(Console(file=io.StringIO()))
        self._connection, self._number = connection, number

    @contextmanager
    def step(self, name: str) -> Iterator[Advance]:
        """Tell the step's name, then every sub-step and its share."""

        def advance(words: str, share: float) -> None:
            self._connection.send(Progress(self._number, words or name, share))

        self._connection.send(Progress(self._number, name, None))
        with super().step(name):
            yield advance


def serve(connection: Connection, scratch: Path) -> None:
    """Answer requests until the other end is gone."""
    state = State(scratch)
    while True:
        try:
            request: Request = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(_answer(state, request, connection))


def _answer(state: State, request: Request, connection: Connection) -> Done | Failed:
    steps = ToldSteps(connection, request.number)
    try:
        return Done(request.number, task(request.task)(state, steps, **request.wishes))
    except ProcguideError as error:
        return Failed(request.number, str(error), traceback.format_exc())
    except MemoryError:
        return Failed(request.number, "There is not enough memory for this.", traceback.format_exc())
    except Exception as error:  # a fault of ours, told with its trace in the details
        words = f"Unexpected fault ({type(error).__name__}). Please report it with the details."
        return Failed(request.number, words, traceback.format_exc())


def main() -> None:
    """Meet the window that started this process: key, address and scratch folder come by standard input."""
    key, address, scratch = (sys.stdin.readline().strip() for _ in range(3))
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with Client(ast.literal_eval(address), authkey=bytes.fromhex(key)) as connection:
        serve(connection, Path(scratch))


if __name__ == "__main__":
    main()
