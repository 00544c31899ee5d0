"""Real servers of databases, each started on a free port with a folder of its own and thrown away after."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.core.errors import MissingTool

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAMS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
# What makes a throw-away server quick, and wide enough for a hundred clients.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": 250,
    "shared_buffers": "16MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server of our own on a free port; its superuser needs no password.

    Gives its URL. Raises `MissingTool` where it is not installed.
    """
    programs = _postgres_programs()
    if programs is None:
        raise MissingTool("PostgreSQL is not installed", hint="apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="kervan-postgres-"))
    as_user = _unprivileged(folder)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    data = str(folder / "data")
    settings = " ".join(f"-c {name}={value}" for name, value in {**_SETTINGS, "port": port}.items())
    control = [str(programs / "pg_ctl"), "-D", data, "-w", "-s"]
    creation = ["-U", "kervan", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    try:
        subprocess.run(
            [str(programs / "initdb"), "-D", data, *creation],
            check=True,
            stdout=subprocess.DEVNULL,
            **as_user,
        )
        log = str(folder / "log")
        subprocess.run([*control, "-o", settings, "-l", log, "start"], check=True, **as_user)
        yield f"postgresql+psycopg://kervan@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True, **as_user)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def mariadb() -> Iterator[str]:
    """Run a MariaDB server of our own on a free port; its superuser needs no password.

    Gives its URL. Raises `MissingTool` where it is not installed.
    """
    server, creator = (
        shutil.which("mariadbd", path=_PROGRAMS),
        shutil.which("mariadb-install-db", path=_PROGRAMS),
    )
    if server is None or creator is None:
        raise MissingTool("MariaDB is not installed", hint="apt-get install mariadb-server")
    folder = Path(tempfile.mkdtemp(prefix="kervan-mariadb-"))
    as_user = _unprivileged(folder)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    data = ["--no-defaults", f"--datadir={folder / 'data'}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    created = [creator, *data, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(created, check=True, **quiet, **as_user)
    place = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}"]
    process = subprocess.Popen([server, *data, *place, "--skip-networking=0"], **quiet, **as_user)
    try:
        url = f"mysql://root@127.0.0.1:{port}/proofs"
        _wait_for_mysql(process, port)
        yield url
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_mysql(process: subprocess.Popen[bytes], port: int) -> None:
    import pymysql

    while process.poll() is None:
        try:
            with pymysql.connect(host="127.0.0.1", port=port, user="root") as connection:
                connection.cursor().execute("CREATE DATABASE proofs CHARACTER SET utf8mb4")
                return
        except pymysql.OperationalError:
            time.sleep(0.05)
    raise RuntimeError(f"MariaDB ended with status {process.returncode}")


def _postgres_programs() -> Path | None:
    """Return the folder of the newest installed server's programs."""
    places = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    places += [
        path.parent for path in sorted(installed, key=lambda path: float(path.parts[-3]), reverse=True)
    ]
    return next((place for place in places if (place / "pg_ctl").exists()), None)


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Return how to start a process that owns `folder`: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {"cwd": folder}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres", names["nobody"])
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"cwd": folder, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
