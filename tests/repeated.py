"""An action that is repeated in a thread while a test does something else."""

import threading


class Repeated:
    """Context in which `look` is called again and again.

    Attributes:
        pause: Seconds between two calls.
    """

    pause = 0.01

    def __init__(self):
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def look(self):
        raise NotImplementedError

    def _run(self):
        while not self._over.wait(self.pause):
            self.look()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
