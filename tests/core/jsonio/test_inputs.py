"""Files as users have them: compressed, torn, in odd encodings, or not there."""

from __future__ import annotations

import gzip
import io
from random import Random

import pytest
import zstandard

from cachekit.core.jsonio.inputs import CHUNK, LONGEST_LINE, Source, find_sources, open_lines, split_lines
from cachekit.core.model.calls import BadLine
from cachekit.core.model.errors import InputError

TEXT = b'{"n": 1}\n\n{"n": 2}\r\n{"n": 3}'


def _lines(path):
    return [line for line in open_lines(path) if not isinstance(line, BadLine)]


def _write(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return path


PLAIN = [(1, b'{"n": 1}'), (3, b'{"n": 2}\r'), (4, b'{"n": 3}')]

STORED = {
    "plain": (TEXT, PLAIN),
    "gzip": (gzip.compress(TEXT), PLAIN),
    "two-gzip-members": (gzip.compress(TEXT[:11]) + gzip.compress(TEXT[11:]), PLAIN),
    "zstd": (zstandard.compress(TEXT), PLAIN),
    "utf-8-with-mark": (b"\xef\xbb\xbf" + TEXT, PLAIN),
    "utf-16-without-a-mark": (TEXT.decode().encode("utf-16-le"), PLAIN),
    "utf-16-other-end-first": (TEXT.decode().encode("utf-16-be"), PLAIN),
    "utf-16": (TEXT.decode().encode("utf-16"), PLAIN),
    "empty": (b"", []),
    "blank": (b"\n \n\t\n", []),
    "nul-bytes-stay-for-the-decoder": (b"\0\0a\n", [(1, b"\0\0a")]),
}


@pytest.mark.parametrize("case", STORED)
def test_lines_are_numbered_and_blank_ones_left_out(case, tmp_path):
    data, wanted = STORED[case]
    assert list(open_lines(_write(tmp_path, "log.jsonl", data))) == wanted


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_what_was_read_before_a_torn_end_survives(pack, tmp_path):
    noise = Random(7)
    whole = b"".join(b'{"n": %d, "noise": "%x"}\n' % (n, noise.getrandbits(64)) for n in range(100_000))
    packed = pack(whole)
    found = list(open_lines(_write(tmp_path, "log.gz", packed[: len(packed) // 2])))
    assert len(found) > 10_000
    assert isinstance(found[-1], BadLine)
    assert "damaged" in found[-1].reason
    assert [line[1] for line in found[:-2]] == whole.split(b"\n")[: len(found) - 2]


def test_a_corrupt_gzip_is_a_bad_line_and_no_crash(tmp_path):
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 255
    found = list(open_lines(_write(tmp_path, "log.gz", bytes(packed))))
    assert isinstance(found[-1], BadLine)


def test_too_long_a_line_is_one_bad_line_and_its_neighbours_are_kept():
    filler = b"x" * CHUNK
    chunks = [b"first\n", *[filler] * (LONGEST_LINE // CHUNK + 1), b"\nlast"]
    found = list(split_lines(iter(chunks), "big"))
    assert found[0] == (1, b"first")
    assert isinstance(found[1], BadLine)
    assert (found[1].number, found[1].source) == (2, "big")
    assert found[2] == (3, b"last")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_lines_do_not_depend_on_how_the_file_was_cut_into_chunks(size):
    chunks = [TEXT[at : at + size] for at in range(0, len(TEXT), size)]
    assert list(split_lines(iter(chunks))) == PLAIN


def test_folders_are_read_recursively_in_a_stable_order(tmp_path):
    for name in ("b.jsonl", "a/z.json.gz", "a/.hidden/x.jsonl", "a/notes.md", "c.log"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}")
    names = [str(source.path.relative_to(tmp_path)) for source in find_sources([tmp_path])]
    assert names == ["a/z.json.gz", "b.jsonl", "c.log"]


def test_bedrocks_bodies_and_permission_check_are_no_logs(tmp_path):
    hour = tmp_path / "AWSLogs/1/BedrockModelInvocationLogs/us-west-2/2026/11/01/10"
    (hour / "data").mkdir(parents=True)
    for name in ("log.json.gz", "data/req_input.json.gz", "amazon-bedrock-logs-permission-check"):
        (hour / name).write_bytes(b"{}")
    assert [source.path.name for source in find_sources([tmp_path])] == ["log.json.gz"]


def test_a_glob_names_files_and_each_file_comes_once(tmp_path):
    _write(tmp_path, "a.jsonl", b"{}")
    _write(tmp_path, "b.jsonl", b"{}")
    pattern = str(tmp_path / "*.jsonl")
    assert [source.path.name for source in find_sources([pattern, tmp_path / "a.jsonl", tmp_path])] == [
        "a.jsonl",
        "b.jsonl",
    ]


def test_a_file_that_is_named_in_two_ways_comes_once(tmp_path):
    path = _write(tmp_path, "a.jsonl", TEXT)
    (tmp_path / "link.jsonl").symlink_to(path)
    roundabout = tmp_path / "." / ".." / tmp_path.name / "a.jsonl"
    assert len(list(find_sources([path, roundabout, tmp_path, tmp_path / "link.jsonl"]))) == 1


def test_stdin_is_read_through_a_dash():
    source = next(find_sources(["-"], io.BytesIO(gzip.compress(TEXT))))
    assert (source.name, list(open_lines(source))) == ("stdin", PLAIN)


MISSING = {"file": "nothing.jsonl", "glob": "*.jsonl", "folder": "."}


@pytest.mark.parametrize("case", MISSING)
def test_an_input_that_is_not_there_is_told_with_a_mend(case, tmp_path):
    with pytest.raises(InputError) as raised:
        list(find_sources([str(tmp_path / MISSING[case])]))
    assert raised.value.hint
    assert raised.value.exit_code == 2


def test_a_source_can_be_read_twice(tmp_path):
    source = next(find_sources([_write(tmp_path, "log.jsonl", TEXT)]))
    assert isinstance(source, Source)
    assert _lines(source) == _lines(source)
