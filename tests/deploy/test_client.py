from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from kervan.core.errors import InvalidInput, RefusedRow, ServerFailed
from kervan.deploy.client import ask, confirm
from kervan.serve.record import find
from serve.real_packages import ROW

if TYPE_CHECKING:
    from deploy.conftest import Place


def test_one_row_and_many_come_back_in_order_with_their_ids(place: Place) -> None:
    url = place.release()
    (one,) = ask(url, [ROW])
    assert one["model"] == "gelir@1.0.0"
    assert one["label"] in one["probabilities"]
    rows = [{**ROW, "yaş": age % 120} for age in range(5_000)]
    many = ask(url, rows)
    assert len(many) == len({prediction["id"] for prediction in many}) == 5_000
    assert [prediction["probabilities"] for prediction in many[:120]] == [
        ask(url, [row])[0]["probabilities"] for row in rows[:120]
    ]
    place_of_records = place.folder / "records"
    import time

    time.sleep(0.5)
    found = find(place_of_records, many[4_321]["id"])
    assert found is not None
    assert found.inputs[int(many[4_321]["id"].partition(".")[2])]["yaş"] == rows[4_321]["yaş"]


def test_a_refused_row_is_counted_from_the_first_of_all(place: Place) -> None:
    url = place.release()
    rows = [*([ROW] * 3_000), {**ROW, "yaş": "39"}]
    with pytest.raises(RefusedRow, match="row 3000, 'yaş'") as caught:
        ask(url, rows)
    assert (caught.value.row, caught.value.field) == (3_000, "yaş")
    assert caught.value.hint == 'send 39, not "39"'


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://localhost", "http://", "http://localhost:x"])
def test_what_is_no_url_is_said(url: str) -> None:
    with pytest.raises(InvalidInput, match="not a server's URL"):
        ask(url, [ROW])


def test_no_rows_are_refused_without_asking() -> None:
    with pytest.raises(InvalidInput, match="no rows"):
        ask("http://127.0.0.1:1", [])


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(ServerFailed, match=f"no server answers at http://127.0.0.1:{port}"):
        ask(f"http://127.0.0.1:{port}", [ROW])


@pytest.mark.parametrize(
    "answer", [b"", b"hello\r\n", b"HTTP/1.1 200 OK\r\n\r\n<html>", b"HTTP/1.1 200 OK\r\n\r\n[1]"]
)
def test_another_program_at_the_url_is_said(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ServerFailed):
            ask(f"http://127.0.0.1:{server.getsockname()[1]}", [ROW])
        thread.join()


def test_confirm_returns_only_for_the_right_deployment(place: Place) -> None:
    confirm(place.release(deployment="D9"), "D9")
