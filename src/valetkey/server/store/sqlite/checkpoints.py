"""Runs checkpoints: copies the write-ahead log back into the file while the writer continues."""

import threading
from contextlib import suppress

import apsw


class Checkpoints:
    """A thread that runs checkpoints. Set `wanted` to request one."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._turn = threading.Lock()
        self._stopping = False
        self.wanted = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sqlite-checkpoint", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after its last checkpoint."""
        self._stopping = True
        self.wanted.set()
        self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        while True:
            self.wanted.wait()
            self.wanted.clear()
            if self._stopping:
                return
            self.run()

    def run(self) -> None:
        """Copy as much as readers allow. The next commit requests another checkpoint."""
        with self._turn, suppress(apsw.Error):
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
