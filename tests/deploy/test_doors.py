"""A release with its doors closed: found over TLS, asked with a key, started anew when its doors change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kervan.core.errors import ServerFailed
from kervan.core.locks import process_number
from kervan.deploy.client import Credentials, ask
from kervan.deploy.process import running
from serve.authority import Authority
from serve.real_packages import ROW

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.conftest import Place


def test_a_release_comes_up_behind_tls_and_is_known_by_its_own_certificate(
    place: Place, tmp_path: Path
) -> None:
    certificate, key = Authority(tmp_path / "ca").issue("server", "models.example")
    plain = place.release()
    number = process_number(place.folder)
    url = place.release(deployment="D2", certificate=str(certificate), certificate_key=str(key))
    assert plain.startswith("http://")
    assert url.startswith("https://")
    assert process_number(place.folder) != number
    shown = Credentials(certificate=str(certificate))
    assert ask(url, [ROW], credentials=shown)[0]["model"] == "gelir@1.0.0"
    number = process_number(place.folder)
    assert place.release("2.0.0", "D3", certificate=str(certificate), certificate_key=str(key)) == url
    assert process_number(place.folder) == number
    assert ask(url, [ROW], credentials=shown)[0]["model"] == "gelir@2.0.0"
    with pytest.raises(ServerFailed, match="CERTIFICATE_VERIFY_FAILED"):
        ask(url, [ROW])
    stranger, _ = Authority(tmp_path / "other").issue("server", "models.example")
    with pytest.raises(ServerFailed, match="CERTIFICATE_VERIFY_FAILED"):
        ask(url, [ROW], credentials=Credentials(certificate=str(stranger)))


def test_a_release_comes_up_where_only_others_may_connect(place: Place, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("server", "models.example")
    doors = {"certificate": str(certificate), "certificate_key": str(key), "client_ca": str(authority.file)}
    url = place.release(**doors)
    with pytest.raises(ServerFailed):
        ask(url, [ROW], credentials=Credentials(certificate=str(certificate)))


def test_a_release_with_broken_doors_says_so_and_what_ran_goes_on(place: Place, tmp_path: Path) -> None:
    place.release()
    with pytest.raises(ServerFailed, match="cannot be used for TLS"):
        place.release("2.0.0", "D2", certificate=str(tmp_path / "no.pem"), certificate_key="no.key")
    with pytest.raises(ServerFailed, match="cannot read the keys"):
        place.release("2.0.0", "D2", keys=str(tmp_path / "access.json"))
    state = running(place.folder)
    assert state is not None
    assert ask(f"http://127.0.0.1:{state.port}", [ROW])[0]["model"] == "gelir@1.0.0"
