"""Install this project into a virtual environment, with the build of torch that fits the machine.

``python set_up.py --python .venv/bin/python --extras dev`` is what ``make setup`` and the
entrypoint call; docs/adr/0011-package.md says why it does what it does. Standard library only:
nothing is installed yet. From the environment: ``TORCH=torch==2.8.0`` decides on torch,
``INSTALLER=pip`` does without uv, ``UV_TORCH_BACKEND=cu126`` names a build.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CONSTRAINTS = ROOT / "constraints.txt"
TORCH = "torch==2.13.0"
TRITON = "triton==3.9.0"
"""CUDA builds of torch bring their own; elsewhere tests run the kernels in its interpreter."""
EXTRAS_OF_TESTS = "dev,docs,spark"
OLDEST_TORCH = (2, 6)
NEWEST_TORCH = (2, 13)


def main(arguments: Sequence[str] | None = None) -> None:
    """Install what is asked for; say in one line which torch, and why."""
    options = parse(arguments)
    installer = find_installer(options.python)
    torch = choose_torch(options.torch or os.environ.get("TORCH", ""), installer)
    print(f"torch: {torch.build} ({torch.why}); installing with {installer.name}", flush=True)
    extras = EXTRAS_OF_TESTS if options.tests else options.extras
    wanted = options.packages or ["-e", f".[{extras}]" if extras else "."]
    try:
        with installer.keeping(torch) as requirements:
            installer.install(*torch.options, "-c", str(CONSTRAINTS), *requirements, *wanted)
        if options.tests and not has(options.python, "triton"):
            install_triton(installer)
    except subprocess.CalledProcessError:
        sys.exit(f"set-up stopped, see above: {installer.name} has failed{installer.instead}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", required=True, help="the environment's interpreter")
    parser.add_argument("--extras", default="", help="of pyproject.toml: dev, or dev,spark")
    parser.add_argument("--tests", action="store_true", help="what tests need besides")
    parser.add_argument(
        "--torch", default="", help="a requirement, torch==2.8.0; else it is chosen"
    )
    parser.add_argument("packages", nargs="*", help="install these instead of the project")
    return parser.parse_args(arguments)


@dataclass(frozen=True)
class Torch:
    """A build of torch, and how to have it."""

    requirement: str
    build: str
    """Its version with the build's name: torch==2.13.0+cpu."""
    why: str
    options: tuple[str, ...] = ()
    installed: bool = False


def choose_torch(asked: str, installer: Installer) -> Torch:
    """Choose by what was asked for, what is installed, and what GPU there is.

    Args:
        asked: A requirement that decides; empty: the machine does.
        installer: Tells which builds can be reached.
    """
    if asked:
        return Torch(asked, asked, "as TORCH says")
    if found := installed_torch(installer.python):
        return Torch(found, found, "installed already, and kept", installed=True)
    if platform.system() != "Linux":
        return Torch(TORCH, TORCH, f"the one build for {platform.system()}")
    gpu = has_gpu()
    machine = "the build that fits the NVIDIA driver" if gpu else "no NVIDIA GPU: the CPU build"
    backend = os.environ.get("UV_TORCH_BACKEND") or ("auto" if gpu else "cpu")
    options = ("--torch-backend", backend)
    if found := installer.resolve(*options, TORCH):
        return Torch(TORCH, found, machine, options)
    found = installer.resolve(TORCH) or TORCH
    return Torch(TORCH, found, f"{installer.why_not}: what the usual index has")


def has_gpu() -> bool:
    """Tell whether an NVIDIA driver answers."""
    program = shutil.which("nvidia-smi")
    return program is not None and subprocess.run([program], capture_output=True).returncode == 0


def installed_torch(python: str) -> str | None:
    """Return the version of torch that the environment sees, if the project runs on it."""
    code = "from importlib.metadata import version; print(version('torch'))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()
    release = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    return f"torch=={found}" if OLDEST_TORCH <= release <= NEWEST_TORCH else None


def has(python: str, module: str) -> bool:
    """Tell whether an environment has a module."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{module}') is None)"
    return subprocess.run([python, "-c", code]).returncode == 0


def install_triton(installer: Installer) -> None:
    """Install Triton where it has wheels; elsewhere tests of its kernels are skipped by name."""
    if platform.system() == "Linux" and platform.machine() in ("x86_64", "aarch64"):
        installer.install("--no-deps", TRITON)


@dataclass(frozen=True)
class Installer:
    """pip, as it has been configured on this machine."""

    python: str
    name = "pip"
    why_not = "pip does not know PyTorch's own index"
    instead = ""

    @property
    def command(self) -> list[str]:
        """What the arguments of ``install`` follow."""
        pip = [self.python, "-m", "pip", "install", "--disable-pip-version-check"]
        return [*pip, "--quiet"]

    def install(self, *arguments: str) -> None:
        """Install requirements.

        Raises:
            CalledProcessError: Some of them cannot be installed.
        """
        subprocess.run([*self.command, *arguments], cwd=ROOT, check=True)

    def resolve(self, *arguments: str) -> str | None:
        """Return the build of torch that would be installed; None if that cannot be told."""
        return None

    @contextmanager
    def keeping(self, torch: Torch) -> Iterator[list[str]]:
        """Give the requirement of torch; one that is installed satisfies it, wherever it lies."""
        yield [torch.requirement]


@dataclass(frozen=True)
class Uv(Installer):
    """uv, asked to look where pip is configured to."""

    program: str
    configured: tuple[str, ...]
    name = "uv"
    why_not = "PyTorch's own index cannot be reached"
    instead = "; INSTALLER=pip does without it"

    @property
    def command(self) -> list[str]:
        """What the arguments of ``install`` follow."""
        pip = [self.program, "pip", "install", "--python", self.python]
        return [*pip, "--quiet", *self.configured]

    def resolve(self, *arguments: str) -> str | None:
        """Return the build of torch that would be installed; None if that cannot be told."""
        impatient = {**os.environ, "UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "1"}
        command = [*self.command, "--dry-run", *arguments]
        command.remove("--quiet")
        done = subprocess.run(command, cwd=ROOT, env=impatient, capture_output=True, text=True)
        found = re.search(r"^ \+ (torch==\S+)", done.stderr, re.MULTILINE)
        return found[1] if found and done.returncode == 0 else None

    @contextmanager
    def keeping(self, torch: Torch) -> Iterator[list[str]]:
        """Give the requirement of torch; none, and nobody else's, if one is installed.

        uv overlooks what lies outside the environment, and would install another beside it.
        """
        if not torch.installed:
            yield [torch.requirement]
            return
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as overrides:
            overrides.write("torch; sys_platform == 'never'\n")
            overrides.flush()
            os.environ["UV_OVERRIDE"] = overrides.name
            try:
                yield []
            finally:
                del os.environ["UV_OVERRIDE"]


def find_installer(python: str) -> Installer:
    """Find uv, or install it into the environment; pip where neither can be done."""
    beside = Path(python).parent / "uv"
    program = shutil.which("uv") or shutil.which(beside)
    if os.environ.get("INSTALLER") == "pip":
        return Installer(python)
    if program is None:
        pinned = re.search(r"^uv==.*$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
        command = [*Installer(python).command, pinned[0] if pinned else "uv"]
        subprocess.run(command, cwd=ROOT, capture_output=True)
        program = shutil.which(beside)
    return Uv(python, program, pip_settings(python)) if program else Installer(python)


# uv reads none of pip's settings.
OPTIONS = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "trusted-host": "--allow-insecure-host",
}


def pip_settings(python: str) -> tuple[str, ...]:
    """Translate where pip is configured to look into uv's options.

    Args:
        python: Of an environment with pip.
    """
    asked = [python, "-m", "pip", "config", "list"]
    listed = subprocess.run(asked, capture_output=True, text=True).stdout
    settings = dict(re.findall(r"^(?:global|install|:env:)\.([\w-]+)='(.*)'$", listed, re.M))
    places = [
        part
        for name, option in OPTIONS.items()
        for place in re.split(r"(?:\s|\\n)+", settings.get(name, "").strip())
        if place and (name == "trusted-host" or _is_there(place))
        for part in (option, place)
    ]
    if "cert" in settings:
        os.environ.setdefault("SSL_CERT_FILE", settings["cert"])
    # pip takes the best of all indexes, uv the first that has a package.
    several = ("--index-strategy", "unsafe-best-match") if "--index" in places else ()
    return (*places, *several)


def _is_there(place: str) -> bool:
    """Tell whether a folder exists, or an address may: pip passes over folders that do not."""
    local = place.removeprefix("file://")
    return "://" in local or Path(local).expanduser().exists()


if __name__ == "__main__":
    main()
