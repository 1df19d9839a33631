"""A throwaway PostgreSQL for the tests, as a pytest plugin: loaded before the settings are, named in DATABASE_URL."""

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import pytest

from config.postgres import Cluster, file_lock

PREFIX: Final = "desk-tests-"
OURS: Final = "DESK_TEST_CLUSTER"  # DATABASE_URL names a cluster of ours
SETTINGS: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "60",
}


def temporary_folder() -> Path:
    """Make a folder in memory when there is one; the server's own user must be able to enter it."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_parent()))
    folder.chmod(0o755)
    return folder


def remove(cluster: Cluster) -> None:
    """Stop a cluster at once and delete its folder."""
    cluster.stop("immediate")
    shutil.rmtree(cluster.folder, ignore_errors=True)


def remove_left_over() -> None:
    """Remove clusters of test runs that were killed: nobody holds their lock any more."""
    for lock in _parent().glob(f"{PREFIX}*/users.lock"):
        with suppress(OSError):
            if time.time() - lock.stat().st_mtime > 60:  # a younger one may be about to be locked
                with file_lock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    remove(Cluster(lock.parent))


def _parent() -> Path:
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


def _start(stack: ExitStack) -> Cluster | None:
    os.environ["DESK_TESTING"] = "1"
    inherited = os.environ.get(OURS) and os.environ.get("PYTEST_XDIST_WORKER")
    if os.environ.get("DATABASE_URL") and not inherited:
        return None
    remove_left_over()
    cluster = Cluster(temporary_folder(), settings=SETTINGS)
    stack.callback(shutil.rmtree, cluster.folder, ignore_errors=True)
    stack.enter_context(cluster.held())
    os.environ["DATABASE_URL"], os.environ[OURS] = cluster.url(), "1"
    if inherited or not os.environ.get("DESK_DATA_DIR"):
        os.environ["DESK_DATA_DIR"] = str(cluster.folder)
    return cluster


_stack = ExitStack()
_cluster = _start(_stack)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and delete its folder. Each worker has its own: an open transaction in one holds back seals in all."""
    if _cluster is not None:
        _cluster.stop("immediate")
        _stack.close()
