"""A release is downloaded whole or not at all, whatever the network does."""

import hashlib
import io
import shutil
import threading
import zipfile

import pytest

from seqrec.errors import ProjectError
from seqrec.sources import download as module
from seqrec.sources import movielens
from seqrec.tables import columns as c
from tests.servers import serving
from tests.sources.test_movielens import RELEASES, ratings_of


def archive(release):
    inside, members = RELEASES[release]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        for name, text in members.items():
            opened.writestr(zipfile.ZipInfo(f"{inside}/{name}"), text)  # without the time
    return packed.getvalue()


class Mirror:
    """GroupLens' side: serves archives, and breaks the connection after so many bytes."""

    def __init__(self, files, break_after=(), ranges=True, status=None):
        self.files = files
        self.break_after = list(break_after)
        self.ranges = ranges
        self.status = status
        self.asked = []

    def __call__(self, request):
        self.asked.append(request.headers.get("Range"))
        content = self.files.get(request.path.lstrip("/"))
        if content is None or self.status:
            request.send_error(self.status or 404)
            return
        start = 0
        if self.ranges and self.asked[-1]:
            start = int(self.asked[-1].removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        stop = start + self.break_after.pop(0) if self.break_after else len(content)
        request.wfile.write(content[start:stop])


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(module, "CHUNK_BYTES", 10)


@pytest.fixture
def sums(monkeypatch):
    made = {name: hashlib.md5(archive(name)).hexdigest() for name in RELEASES}
    monkeypatch.setattr(movielens, "MD5", made)
    return made


def fetch(folder, mirror, release="ml-1m"):
    with serving(mirror) as address:
        dataset = ratings_of(folder, release, address)
        dataset.preflight()
        return dataset.load().to_pandas()


@pytest.mark.parametrize("release", [name for name in RELEASES if name != "ml-100k"])
def test_every_release_is_downloaded_checked_and_read(tmp_path, release, sums):
    mirror = Mirror({f"{release}.zip": archive(release)})
    assert fetch(tmp_path / "raw", mirror, release)[c.USER].tolist() == ["1", "2"]
    assert fetch(tmp_path / "raw", mirror, release)[c.USER].tolist() == ["1", "2"]
    assert len(mirror.asked) == 1
    assert {path.name for path in (tmp_path / "raw").iterdir()} == {release, f"{release}.zip"}


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
def test_a_dropped_connection_is_gone_on_with(tmp_path, sums, ranges):
    mirror = Mirror({"ml-1m.zip": archive("ml-1m")}, break_after=[100, 40], ranges=ranges)
    assert len(fetch(tmp_path, mirror)) == 2
    assert mirror.asked == [None, "bytes=100-", "bytes=140-" if ranges else "bytes=40-"]


def test_the_next_call_goes_on_where_the_last_one_was_killed(tmp_path, sums):
    content = archive("ml-1m")
    (tmp_path / ".ml-1m.zip.part").write_bytes(content[:77])
    mirror = Mirror({"ml-1m.zip": content})
    assert len(fetch(tmp_path, mirror)) == 2
    assert mirror.asked == ["bytes=77-"]


def test_a_complete_part_needs_no_download(tmp_path, sums):
    content = archive("ml-1m")
    (tmp_path / ".ml-1m.zip.part").write_bytes(content)
    assert len(fetch(tmp_path, Mirror({"ml-1m.zip": content}))) == 2


@pytest.mark.parametrize(
    ("mirror", "complaint"),
    [
        (Mirror({}), r"ml-1m\.zip is not there \(HTTP 404\): download it yourself"),
        (Mirror({"ml-1m.zip": b"x"}, status=500), r"HTTP 500"),
        (Mirror({"ml-1m.zip": b"another"}), "has md5 .* instead of .*: try again"),
        (Mirror({"ml-1m.zip": archive("ml-1m")}, 99 * [0]), "cannot be reached .*try again, it"),
    ],
    ids=["404", "500", "md5", "breaks"],
)
def test_what_fails_is_said_and_nothing_is_left_to_be_taken_for_a_release(
    tmp_path, sums, mirror, complaint
):
    with pytest.raises(ProjectError, match=complaint) as caught:
        fetch(tmp_path, mirror)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ml-1m.zip").exists()


def test_no_server(tmp_path):
    with pytest.raises(ProjectError, match="cannot be reached"):
        ratings_of(tmp_path, "ml-1m", "http://127.0.0.1:9").preflight()


def test_a_full_disk_is_noticed_before_it_is_full(tmp_path, sums, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ProjectError, match="the disk is full; make room"):
        fetch(tmp_path, Mirror({"ml-1m.zip": archive("ml-1m")}))


def test_two_processes_do_not_write_the_same_part(tmp_path, sums):
    """Both would append to it; one fetches the archive, and the other finds it there."""
    content = archive("ml-1m")
    mirror = Mirror({"ml-1m.zip": content}, break_after=[50] * 3)
    fetched = []

    def fetch_too():
        fetched.append(fetch_from(tmp_path / "raw", address))

    with serving(mirror) as address:
        threads = [threading.Thread(target=fetch_too) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert fetched == [content] * 4
    assert mirror.asked == [None, "bytes=50-", "bytes=100-", "bytes=150-"]
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["ml-1m.zip"]


def fetch_from(folder, address):
    """Download an archive; return what is there then."""
    module.download(f"{address}/ml-1m.zip", folder / "ml-1m.zip", None)
    return (folder / "ml-1m.zip").read_bytes()


def test_an_archive_put_there_by_hand_is_checked_too(tmp_path, sums):
    (tmp_path / "ml-1m.zip").write_bytes(archive("ml-1m")[:-9])
    with pytest.raises(ProjectError, match="is damaged or not complete; delete it and run again"):
        fetch(tmp_path, Mirror({}))


def page(request):
    """A network's log-in page, whatever was asked for."""
    body = b"<html><body>Welcome to the hotel</body></html>"
    request.send_response(200)
    request.send_header("Content-Type", "text/html; charset=utf-8")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def test_a_log_in_page_is_no_archive_and_spoils_no_download(tmp_path):
    part = tmp_path / ".ml-latest-small.zip.part"
    part.write_bytes(archive("ml-latest-small")[:77])
    with pytest.raises(
        ProjectError, match="answers with a web page instead of an archive: log in"
    ):
        fetch(tmp_path, page, "ml-latest-small")
    assert part.read_bytes() == archive("ml-latest-small")[:77]
    assert not (tmp_path / "ml-latest-small.zip").exists()


def test_what_has_no_checksum_is_at_least_an_archive(tmp_path):
    mirror = Mirror({"ml-latest-small.zip": b"<html>Welcome to the hotel</html>"})
    with pytest.raises(ProjectError, match=r"is no zip archive: try again, or download it"):
        fetch(tmp_path, mirror, "ml-latest-small")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"precious"], ids=["empty", "with content"])
def test_a_part_that_is_a_link_is_not_followed(tmp_path, sums, content):
    outside = tmp_path / "outside.txt"
    outside.write_bytes(content)
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / ".ml-1m.zip.part").symlink_to(outside)
    mirror = Mirror({"ml-1m.zip": archive("ml-1m")})
    assert len(fetch(raw, mirror)) == 2
    assert mirror.asked == [None]
    assert outside.read_bytes() == content
    assert not (raw / "ml-1m.zip").is_symlink()


@pytest.mark.parametrize(
    ("mirror", "complaint"),
    [(Mirror({}), "is not there"), (page, "web page"), (Mirror({"ml-1m.zip": b"x"}), "has md5")],
    ids=["404", "page", "md5"],
)
def test_the_credentials_of_a_mirror_are_in_no_error(tmp_path, sums, mirror, complaint):
    with serving(mirror) as address:
        secret = address.replace("://", "://user:canary-password@")
        with pytest.raises(ProjectError, match=complaint) as caught:
            ratings_of(tmp_path, "ml-1m", secret).preflight()
    assert "://<credentials>@127.0.0.1" in str(caught.value)
    assert "canary" not in str(caught.value)
