"""Who installs the workbench gets fixtures for pytest; an author's suite uses them in a project of its own."""

import re
import subprocess
import sys
from textwrap import dedent

PLUGIN = '''
    """Cubic: a = z³."""

    from workbench import Activation, hookimpl


    def cubic(z):
        return z * z * z


    def derivative(z, a):
        return 3 * z * z


    @hookimpl
    def register_activations():
        return [Activation("cubic", cubic, derivative)]
'''
PROJECT = {
    "plugins/cubic.py": PLUGIN,
    "plugins/slip.py": PLUGIN.replace('"cubic"', '"slip"').replace("3 * z", "2 * z"),
    "conf/experiment/mine.yaml": """
        # @package _global_
        defaults:
          - override /dataset: xor
        learner: {activation: cubic, epochs: 3}
        figures: [learning_curve]
    """,
    "conf/experiment/both.yaml": """
        # @package _global_
        hydra: {mode: MULTIRUN, sweeper: {params: {learner.activation: "cubic,tanh"}}}
    """,
    "tests/test_mine.py": """
        from pathlib import Path

        import pytest

        from workbench.errors import ConfigError, UnknownName
        from workbench.testing import parametrize_with_checks

        LATE = Path("plugins/late.py").absolute()


        def test_registry(registry):
            assert registry.entry("activation", "cubic").origin == "plugins/cubic.py"
            LATE.write_text(Path("plugins/cubic.py").read_text().replace('"cubic"', '"late"'))


        def test_registry_is_built_anew(registry):
            assert registry.entry("activation", "late").file == str(LATE)


        def test_compose(compose):
            config = compose("experiment=mine", "seed=3")
            assert (config.dataset["name"], config.learner["activation"], config.seed) == ("xor", "cubic", 3)


        def test_compose_refuses_what_the_command_refuses(compose):
            with pytest.raises(ConfigError, match="did you mean 'epochs'"):
                compose("experiment=mine", "learner.epohcs=2")
            with pytest.raises(UnknownName, match="did you mean 'cubic'"):
                compose("learner.activation=cubik")


        def test_compose_is_of_one_run(compose):
            with pytest.raises(ConfigError, match="these are 2 runs: choose one value each of learner.activation"):
                compose("experiment=both")
            assert compose("experiment=both", "learner.activation=tanh").learner["activation"] == "tanh"


        def test_run(run):
            ended = run("experiment=mine")
            assert (ended.status, ended.error, ended.problems) == ("FINISHED", None, [])
            assert ended.params["learner.activation"] == "cubic"
            assert len(ended.metrics["val/loss"]) == 3
            assert ended.figures["learning_curve"].is_file()


        def test_run_of_a_sweep(run):
            sweep = run("-m", "experiment=mine", "learner.activation=cubic,tanh", "figures=[]")
            assert [each.params["learner.activation"] for each in sweep.runs] == ["cubic", "tanh"]


        def test_run_refuses_what_the_command_refuses(run):
            with pytest.raises(UnknownName, match="did you mean 'cubic'"):
                run("learner.activation=cubik")


        def test_run_tells_that_it_failed(run):
            ended = run("experiment=mine", "learner.optimizer=sgd", "learner.lr=1e30")
            assert ended.status == "FAILED"
            assert "finite" in ended.error


        @parametrize_with_checks("activation", "cubic")
        def test_conformance(check):
            check()


        @parametrize_with_checks("activation", "slip")
        def test_conformance_of_a_slip(check):
            check()
    """,
}


def test_an_authors_suite_uses_the_fixtures_and_the_checks(project):
    for name, text in PROJECT.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(dedent(text))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests", "-rA", "--basetemp=temporary", "-p", "no:cacheprovider",
         "-p", "no:hypothesispytest", "-W", "error", "-W", "always::workbench.testing.CheckWarning",
         "-k", "not conformance or derivative or extremes"],  # two of the many checks: all work alike
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    ended = re.findall(r"^(PASSED|FAILED|ERROR) tests/test_mine\.py::(\S+)", done.stdout, re.MULTILINE)
    failed = "test_conformance_of_a_slip[slip-derivative]"
    expected = {test: "PASSED" for test in re.findall(r"def (test_\w+)", PROJECT["tests/test_mine.py"])[:-2]}
    for name, test in (("cubic", "test_conformance"), ("slip", "test_conformance_of_a_slip")):
        expected |= {f"{test}[{name}-{check}]": "PASSED" for check in ("derivative", "extremes")}
    assert {test: outcome for outcome, test in ended} == expected | {failed: "FAILED"}, done.stdout
    assert re.search(r"CheckFailed: activation 'slip': ", done.stdout), done.stdout
    assert re.search(r"CheckWarning: activation 'cubic': ", done.stdout), done.stdout
    assert not (project / "runs").exists()  # runs of tests are no runs of the project
