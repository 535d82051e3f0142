"""Writing the call log: whole lines, whoever writes and whatever happens."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from cachekit.core.logs.native import read_calls
from cachekit.core.logs.native_write import CallLog, to_line
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.model.errors import InputError
from cachekit.core.model.usage import Usage


def _append(path: str, worker: int, lines: int) -> None:
    with CallLog(path) as log:
        threads = [threading.Thread(target=_thread, args=(log, worker * 10 + n, lines)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _thread(log: CallLog, worker: int, lines: int) -> None:
    for number in range(lines):
        log.append(Call(Usage(number), id=f"{worker}-{number}", labels={"padding": "x" * (number % 400)}))


def test_processes_and_threads_lose_and_tear_no_line(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append, args=(str(path), n, 300)) for n in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    read = list(read_calls(path))
    assert not [item for item in read if isinstance(item, BadLine)]
    assert {c.id for c in read if isinstance(c, Call)} == {
        f"{p * 10 + t}-{n}" for p in range(2) for t in range(4) for n in range(300)
    }


def test_a_torn_last_line_is_ended_when_the_log_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_bytes(to_line(Call(Usage(1))) + b'{"v":1,"usage":{"unc')
    with CallLog(path) as log:
        log.append(Call(Usage(2)))
    kinds = [item if isinstance(item, Call) else item.reason for item in read_calls(path)]
    assert kinds == [Call(Usage(1)), "cut off: the JSON does not end", Call(Usage(2))]


def test_a_line_behind_half_a_line_of_another_process_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    with CallLog(path) as log, path.open("ab", buffering=0) as other:
        log.append(Call(Usage(1)))
        other.write(to_line(Call(Usage(2))))
        log.append(Call(Usage(3)))
        other.write(b'{"v":1,"usage":{"unc')  # and killed
        log.append(Call(Usage(4)))
        log.append(Call(Usage(5)))
    read = list(read_calls(path))
    assert [item.usage.uncached for item in read if isinstance(item, Call)] == [1, 2, 3, 4, 5]
    assert len(read) == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_writes_beside_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    with CallLog(path) as log:
        log.append(Call(Usage(0), id="before"))
        child = os.fork()
        for number in range(200):
            log.append(Call(Usage(number), id=f"{'parent' if child else 'child'}-{number}"))
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
    read = list(read_calls(path))
    assert not [item for item in read if isinstance(item, BadLine)]
    assert len({c.id for c in read if isinstance(c, Call)}) == len(read) == 401


@pytest.mark.parametrize("threads", [1, 4], ids=["one thread", "four threads"])
def test_rotation_keeps_the_newest_files_and_loses_no_line_among_them(tmp_path: Path, threads: int) -> None:
    path = tmp_path / "calls.ndjson"
    with CallLog(path, max_bytes=4_000, keep=50) as log:
        workers = [threading.Thread(target=_thread, args=(log, n, 100)) for n in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    files = sorted(tmp_path.iterdir())
    assert len(files) > 2
    assert all(file.stat().st_size <= 4_000 for file in files)
    read = [call for file in files for call in read_calls(file)]
    assert {c.id for c in read if isinstance(c, Call)} == {f"{t}-{n}" for t in range(threads) for n in range(100)}


def test_only_so_many_rotated_files_are_kept(tmp_path: Path) -> None:
    with CallLog(tmp_path / "calls.ndjson", max_bytes=200, keep=2) as log:
        for number in range(50):
            log.append(Call(Usage(number)))
    assert {file.name for file in tmp_path.iterdir()} == {"calls.ndjson", "calls.ndjson.1", "calls.ndjson.2"}


def test_a_log_that_was_moved_away_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    with CallLog(path) as log:
        log.append(Call(Usage(1)))
        path.rename(tmp_path / "old.ndjson")
        log.append(Call(Usage(2)))
    assert list(read_calls(path)) == [Call(Usage(2))]


def test_a_closed_log_opens_for_a_later_line(tmp_path: Path) -> None:
    log = CallLog(tmp_path / "calls.ndjson")
    log.close()
    log.append(Call(Usage(1)))
    log.close()
    assert list(read_calls(tmp_path / "calls.ndjson")) == [Call(Usage(1))]


def test_the_log_is_private_to_its_owner(tmp_path: Path) -> None:
    CallLog(tmp_path / "calls.ndjson").close()
    assert os.stat(tmp_path / "calls.ndjson").st_mode & 0o077 == 0


def test_a_log_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the call log cannot be written"):
        CallLog(tmp_path / "nowhere" / "calls.ndjson")


def test_a_full_disk_is_an_error_and_leaves_a_readable_log() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    with pytest.raises((OSError, InputError)):
        CallLog("/dev/full").append(Call(Usage(1)))


def test_what_refers_to_itself_is_left_out_of_the_line() -> None:
    loop: dict[str, object] = {}
    loop["loop"] = loop
    assert to_line(Call(Usage(1), request=loop), "full") == to_line(Call(Usage(1)))
