"""Put conf/ into the wheel for ``seqrec init``; everything else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildWithConf(build_py):
    """Copies the configuration and the lock file beside the template of a new project.

    An editable installation reads them where they lie.
    """

    def run(self) -> None:
        if self.editable_mode:
            super().run()
            return
        # What an earlier build has left, a file that is gone since, would be packed too.
        shutil.rmtree(Path(self.build_lib) / "seqrec", ignore_errors=True)
        super().run()
        template = Path(self.build_lib) / "seqrec" / "new_project" / "template"
        skip = shutil.ignore_patterns("local", "credentials*")
        shutil.copytree(ROOT / "conf", template / "conf", ignore=skip)
        shutil.copy(ROOT / "constraints.txt", template)


setup(cmdclass={"build_py": BuildWithConf})
