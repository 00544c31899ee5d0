"""A project releases for other machines: keys, TLS, and `kervan predict` with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeys.home import SETTINGS
from serve.authority import Authority

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Home

ROW = '{"yaş": 30, "şehir": "ısparta", "gelir": 10000.0}'


def test_a_release_for_other_machines_needs_keys_and_tls(lived: Home, tmp_path: Path) -> None:
    wide = SETTINGS + 'host = "0.0.0.0"\n'
    lived.write("kervan.toml", wide)
    assert "for all to read" in lived.ask("release", code=4).err
    assert "for all to read" in lived.ask("run", code=4).err
    certificate, key = Authority(tmp_path / "ca").issue("server", "models.example")
    lived.write("tls/server.pem", certificate.read_bytes())
    lived.write("tls/server.key", key.read_bytes())
    closed = 'certificate = "tls/server.pem"\ncertificate_key = "tls/server.key"\n'
    lived.write("kervan.toml", wide + closed)
    assert "kervan key create" in lived.ask("release", code=2).err
    token = lived.ask("key", "create", "--scope", "predict", "--quiet").out.strip()
    shown = lived.ask("release", "--json").json
    assert shown["endpoint"].startswith("https://0.0.0.0:")
    found = {each["subject"]: each for each in lived.ask("doctor", "--json").json}
    assert found["certificate"]["verdict"] == "warned"  # it is for a day
    assert found["keys to servers"]["verdict"] == "passed"
    refused = lived.ask("predict", "üretim", "--row", ROW, code=4)
    assert "a key is missing" in refused.err
    assert "KERVAN_KEY" in refused.err
    lived.environ["KERVAN_KEY"] = token
    assert lived.ask("predict", "üretim", "--row", ROW, "--json").json[0]["label"] in {"evet", "hayır"}
    lived.ask("key", "revoke", lived.ask("key", "--json").json[0]["id"])
    while lived.ask("predict", "üretim", "--row", ROW, code=None).code == 0:
        pass
    assert "was revoked" in lived.ask("predict", "üretim", "--row", ROW, code=4).err
