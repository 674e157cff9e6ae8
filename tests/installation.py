"""The workbench as it is installed from its wheel, beside the checkout that the tests run in."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent


def build(folder):
    """Build the wheel into ``folder``."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def pretend(site, module, source, point=None):
    """Let ``site`` look as if a distribution ``workbench-<module> 2.5`` were installed, ``point`` its entry point."""
    metadata = site / f"workbench_{module}-2.5.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: workbench-{module}\nVersion: 2.5\n")
    (metadata / "entry_points.txt").write_text(f"[workbench]\n{module} = {point or module}\n")
    (site / f"{module}.py").write_text(source)


class Installation:
    """A virtual environment that holds the wheel and nothing of the checkout; commands run in an empty folder.

    ``packages`` is where it holds them.
    """

    def __init__(self, folder, wheel):
        self.project = folder / "project"
        self.project.mkdir()
        venv.create(folder / "venv")
        scripts, self.packages = (
            Path(sysconfig.get_path(which, "venv", {"base": str(folder / "venv")})) for which in ("scripts", "purelib")
        )
        self.python = scripts / "python"
        # Dependencies are the test interpreter's. A folder named in a .pth file is put on the path, but its own .pth
        # files, by which the checkout is installed there, are not read.
        (self.packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
        kept = ("WORKBENCH_CACHE_DIR",)  # shared, hence warm
        ours = ("WORKBENCH", "PYTHON")
        self.environment = {k: v for k, v in os.environ.items() if k in kept or not k.startswith(ours)}
        self.environment["PATH"] = os.pathsep.join([str(scripts), os.environ.get("PATH", "")])
        self.pip("install", "--no-deps", "--no-index", str(wheel))

    def run(self, *command):
        """What the command prints; it must succeed."""
        done = subprocess.run(command, cwd=self.project, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pip(self, *arguments):
        self.run(sys.executable, "-m", "pip", "--python", str(self.python), *arguments)
