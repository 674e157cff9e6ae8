"""The journal: on disk at once, readable whatever happened to the process that wrote it."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from textwrap import dedent

import pytest
from disk import full

from workbench.experiment.journal import FILE, Journal, begun, folders, read
from workbench.files import NotWritten


def test_records_are_read_back_in_order_and_in_time(tmp_path):
    before = time.time_ns() // 1_000_000
    journal = Journal(tmp_path / FILE)
    for step in range(5):
        journal.append("metrics", step=step, metrics={"train/loss": 0.1 * step})
    journal.close()
    records = read(tmp_path)
    assert [r["step"] for r in records] == list(range(5))
    assert [r["metrics"]["train/loss"] for r in records] == [0.1 * step for step in range(5)]
    times = [r["time_ms"] for r in records]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= time.time_ns() // 1_000_000


def test_a_record_is_on_disk_before_the_next_statement(tmp_path):
    journal = Journal(tmp_path / FILE)
    journal.append("started", name="größe")
    assert read(tmp_path)[0]["name"] == "größe"
    journal.close()


def test_numbers_that_are_not_finite_survive(tmp_path):
    journal = Journal(tmp_path / FILE)
    journal.append("metrics", metrics={"a": math.inf, "b": math.nan})
    journal.close()
    metrics = read(tmp_path)[0]["metrics"]
    assert metrics["a"] == math.inf
    assert math.isnan(metrics["b"])


def test_a_journal_is_never_written_over(tmp_path):
    Journal(tmp_path / FILE).close()
    with pytest.raises(NotWritten, match=r"journal\.jsonl cannot be written: File exists\."):
        Journal(tmp_path / FILE)


def test_wherever_the_last_line_is_torn_the_others_are_read(tmp_path):
    journal = Journal(tmp_path / FILE)
    for step in range(3):
        journal.append("metrics", step=step)
    journal.close()
    whole = (tmp_path / FILE).read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole) + 1):
        (tmp_path / FILE).write_bytes(whole[:length])
        assert len(read(tmp_path)) == sum(end <= length for end in ends)


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_record_that_a_full_disk_takes_in_part_is_taken_back(tmp_path, room):
    journal = Journal(tmp_path / FILE)
    journal.append("started")
    size = (tmp_path / FILE).stat().st_size
    with full(size + room), pytest.raises(NotWritten, match=r"journal\.jsonl cannot be written: File too large\."):
        journal.append("metrics", step=1)
    assert (tmp_path / FILE).stat().st_size == size
    journal.append("metrics", step=2)  # there is room again
    journal.close()
    assert [record.get("step") for record in read(tmp_path)] == [None, 2]


def test_a_journal_has_begun_with_its_first_whole_record(tmp_path):
    for name, text in (("whole", '{"event": "started"}\n{"ev'), ("torn", '{"event": "sta'), ("empty", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / FILE).write_text(text)
    (tmp_path / "none").mkdir()
    assert [name for name in ("whole", "torn", "empty", "none") if begun(tmp_path / name)] == ["whole"]
    assert folders(tmp_path) == [tmp_path / "whole"]


def test_what_is_synced_are_the_records_and_the_names_that_lead_to_them(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    journal = Journal(tmp_path / "run" / FILE)
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
    journal.sync()
    journal.close()
    assert synced == [path.stat().st_ino for path in (tmp_path / "run" / FILE, tmp_path / "run", tmp_path)]


def test_a_broken_line_in_the_middle_is_not_passed_over(tmp_path):
    (tmp_path / FILE).write_text('{"event": "started"}\n{"event": "met\n{"event": "ended"}\n')
    with pytest.raises(json.JSONDecodeError):
        read(tmp_path)


def test_a_killed_process_loses_nothing_it_had_written(tmp_path):
    source = """
        import os, signal, sys
        from pathlib import Path
        from workbench.experiment.journal import FILE, Journal
        journal = Journal(Path(sys.argv[1]) / FILE)
        for step in range(100):
            journal.append("metrics", step=step)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-c", dedent(source), os.fspath(tmp_path)], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [record["step"] for record in read(tmp_path)] == list(range(100))
