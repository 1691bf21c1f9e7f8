"""Who may speak to the server."""

from __future__ import annotations

import pytest
from counterfoil.errors import AddressTaken, BadToken, KeyFileOpen, RequestRefused
from counterfoil.server import access

SECRET = "a-token-of-some-length"


def refused(guard, path="/v2", **headers):
    raw = {k.encode(): v if isinstance(v, bytes) else v.encode() for k, v in headers.items()}
    try:
        guard.check(path, raw)
    except RequestRefused as error:
        return error.status
    return None


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:80", "LOCALHOST."]
)
def test_no_token__this_machine_s_names_pass(host):
    assert refused(access.Guard(None), host=host) is None


@pytest.mark.parametrize(
    "host",
    ["", "example.com", "localhost.example.com", "127.0.0.1.example.com", "10.0.0.1",
     "a@localhost@b", "[::1", b"\xff", "0.0.0.0"],
)  # fmt: skip
def test_no_token__other_names_403(host):
    assert refused(access.Guard(None), host=host) == 403


@pytest.mark.parametrize(
    "origin", ["null", "https://example.com", "http://localhost:9", "http://localhost"]
)
def test_origin__other_than_the_host__403(origin):
    for guard in (access.Guard(None), access.Guard(SECRET)):
        given = {"host": "localhost:8000", "origin": origin, "authorization": f"Bearer {SECRET}"}
        assert refused(guard, **given) == 403
        assert refused(guard, **{**given, "origin": "http://localhost:8000"}) is None


def test_token__all_paths_but_probes_and_the_page():
    guard = access.Guard(SECRET)
    for path in (*access.OPEN_PATHS, "/explorer", "/explorer/explorer.js"):
        assert refused(guard, path, host="x") is None
    for path in ("/v2", "/metrics", "/explorers", "/v2/health/live/x"):
        assert refused(guard, path, host="x") == 401
        assert refused(guard, path, host="x", authorization=f"Bearer  {SECRET}") is None
        assert refused(guard, path, host="x", authorization=f"bearer {SECRET}") is None
        for wrong in (
            SECRET,
            f"Bearer {SECRET[:-1]}",
            f"Basic {SECRET}",
            "Bearer ",
            b"Bearer \xff",
        ):
            assert refused(guard, path, host="x", authorization=wrong) == 401


def test_token__from_its_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv(access.TOKEN, raising=False)
    assert access.token(None) is None
    monkeypatch.setenv(access.TOKEN, SECRET)
    assert access.token(None) == SECRET
    path = tmp_path / "token"
    path.write_text("another-token-of-length\n")
    path.chmod(0o600)
    assert access.token(path) == "another-token-of-length"
    path.chmod(0o640)
    with pytest.raises(KeyFileOpen, match="chmod 600"):
        access.token(path)


@pytest.mark.parametrize("content", [b"", b"short", b"with spaces in it, yes", b"\xff" * 20])
def test_token__bad__never_shown(tmp_path, content):
    path = tmp_path / "token"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadToken) as failed:
        access.token(path)
    assert not content or content.decode("latin-1") not in str(failed.value)


def test_resolve__loopback_or_not():
    assert access.is_loopback(access.resolve("localhost"))
    assert access.is_loopback(access.resolve("127.8.9.1")) and access.is_loopback("::1")
    assert not access.is_loopback("0.0.0.0") and not access.is_loopback("::")
    with pytest.raises(AddressTaken):
        access.resolve("no.such.name.invalid")
