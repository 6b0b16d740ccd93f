"""What pyproject.toml cannot say: the manual page is a file that is made where the program is built."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
PAGE = "build/xenshark.1"


class WithManual(build_py):
    """Makes the page of what every command's --help says."""

    def run(self) -> None:
        sys.path.insert(0, str(ROOT))  # whoever builds imports nothing of it else
        from dissector.cli.manual import page

        (ROOT / PAGE).parent.mkdir(exist_ok=True)
        (ROOT / PAGE).write_text(page())
        super().run()


setup(data_files=[("share/man/man1", [PAGE])], cmdclass={"build_py": WithManual})
