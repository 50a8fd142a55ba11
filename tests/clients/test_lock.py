"""The lock of the npm packages: every one by hash, and no word on where it was fetched."""

import orjson

from tests.process import ROOT

HERE = ROOT / "tests" / "clients"


def test_every_package_is_locked_by_hash_and_none_names_a_host() -> None:
    packages = orjson.loads((HERE / "package-lock.json").read_bytes())["packages"]
    own = packages.pop("")

    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert all("resolved" not in package for package in packages.values())
    assert all(packages[f"node_modules/{name}"]["version"] == version for name, version in own["dependencies"].items())
    assert "registry" not in (HERE / ".npmrc").read_text().replace("omit-lockfile-registry-resolved", "")
