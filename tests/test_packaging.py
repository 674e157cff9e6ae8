"""The wheel, installed alone, works from an empty folder; a stranger's distribution plugs in and out."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path, PurePosixPath

import pytest

import workbench

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=HERE.parent, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


class Installation:
    """A virtual environment that holds the wheel and nothing of the checkout; commands run in an empty folder."""

    def __init__(self, folder, wheel):
        self.project = folder / "project"
        self.project.mkdir()
        venv.create(folder / "venv")
        scripts, packages = (
            Path(sysconfig.get_path(which, "venv", {"base": str(folder / "venv")})) for which in ("scripts", "purelib")
        )
        self.python = scripts / "python"
        # Dependencies are the test interpreter's. A folder named in a .pth file is put on the path, but its own .pth
        # files, by which the checkout is installed there, are not read.
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("WORKBENCH", "PYTHON"))}
        self.environment["PATH"] = os.pathsep.join([str(scripts), os.environ.get("PATH", "")])
        self.pip("install", "--no-deps", "--no-index", str(wheel))

    def run(self, *command):
        done = subprocess.run(command, cwd=self.project, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pip(self, *arguments):
        self.run(sys.executable, "-m", "pip", "--python", str(self.python), *arguments)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    return Installation(tmp_path_factory.mktemp("installed"), wheel)


def test_the_wheel_has_one_top_level_name(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]
    assert {name.parts[0] for name in names} == {"workbench", f"workbench-{workbench.__version__}.dist-info"}


def test_the_wheel_holds_the_plugins_the_configuration_and_the_types(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    checkout = HERE.parent
    for folder in ("plugins", "conf"):
        shipped = {
            path.relative_to(checkout) for path in (checkout / folder).rglob("*") if path.suffix in (".py", ".yaml")
        }
        assert {f"workbench/{path.as_posix()}" for path in shipped} <= names
    assert "workbench/py.typed" in names
    assert not any("__pycache__" in name or name.startswith("workbench/tests") for name in names)


def test_the_installed_package_is_the_one_imported(installed):
    where = installed.run("python", "-c", "import workbench; print(workbench.__path__)")
    assert "site-packages" in where
    assert str(HERE.parent) not in where
    for name in ("plugins", "conf"):
        assert installed.run("python", "-c", f"import importlib.util as u; print(u.find_spec({name!r}))") == "None\n"


def test_it_lists_its_plugins_from_an_empty_folder(installed):
    listed = installed.run("workbench", "plugins")
    (softsign,) = [line for line in listed.splitlines() if " softsign " in line]
    assert softsign.split(maxsplit=3)[:3] == ["activation", "softsign", "built-in"]


def test_it_helps_as_a_module_too(installed):
    help = installed.run("workbench", "--help")
    assert "workbench COMMAND" in help
    assert installed.run("python", "-m", "workbench", "--help") == help


def test_it_trains_from_an_empty_folder(installed):
    installed.run("workbench", "run", "dataset=xor", "learner=mlp", "learner.epochs=2")


def test_a_strangers_distribution_plugs_in_and_out(installed):
    """``tests/sample_plugin`` is a third-party distribution in full."""
    installed.pip("install", "--no-deps", "--no-index", "--no-build-isolation", str(HERE / "sample_plugin"))
    (line,) = [line for line in installed.run("workbench", "plugins").splitlines() if "bent_identity" in line]
    assert "workbench-sample 1.0" in line
    assert "Bent identity: a = (sqrt(z² + 1) - 1) / 2 + z" in line
    installed.run(
        "workbench", "run", "dataset=xor", "learner=mlp", "learner.epochs=2", "learner.activation=bent_identity"
    )
    installed.pip("uninstall", "--yes", "workbench-sample")
    assert "bent_identity" not in installed.run("workbench", "plugins")
