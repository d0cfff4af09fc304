"""Dockerfiles: our reader, the rules each file keeps and what breaks them, and the digests that
pin-images writes."""

import hashlib
import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from paths import ROOT

from gfmtrust import __version__
from gfmtrust.core.errors import BadDataError

sys.path.insert(0, str(ROOT / "dev"))
import check_images  # noqa: E402
import dockerfile  # noqa: E402
import pin_images  # noqa: E402

pytestmark = pytest.mark.long

DOCKERFILES = sorted(dockerfile.CONTAINERS.glob("*.Dockerfile"))
SCORE = dockerfile.CONTAINERS / "score.Dockerfile"
DIGEST = "sha256:" + "0" * 64
MANIFEST = b'{"schemaVersion": 2, "manifests": []}'


def label(path):
    return path.name


def test_every_image_has_its_dockerfile_commands_and_locks():
    names = {dockerfile.image(path) for path in DOCKERFILES}
    assert names == set(dockerfile.ROLES) == set(check_images.COMMANDS)
    used = {
        path.read_text().split("container 'gfmtrust/", 1)[1].split(":")[0]
        for path in ROOT.glob("modules/local/*/*/main.nf")
    }
    assert used == names


@pytest.mark.parametrize("path", DOCKERFILES, ids=label)
def test_our_dockerfiles_keep_the_rules(path):
    assert dockerfile.faults(path) == []
    steps = dockerfile.instructions(path.read_text())
    assert any(
        "procps" in step.value for step in steps if step.keyword == "RUN"
    )  # Nextflow measures tasks with ps
    titles = [
        step.pairs()["org.opencontainers.image.title"] for step in steps if step.keyword == "LABEL"
    ]
    assert titles == [f"gfmtrust/{dockerfile.image(path)}"]
    for step in (step for step in steps if step.keyword == "COPY"):
        for source in dockerfile.expand(step.value, {"ROLE": "score_gpu"}).split()[:-1]:
            assert (ROOT / source).exists()


def test_only_what_is_copied_reaches_the_daemon():
    let_in = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = {
        source
        for path in DOCKERFILES
        for step in dockerfile.instructions(path.read_text())
        if step.keyword == "COPY"
        for source in step.value.split()[:-1]
    }
    assert {re.sub(r"requirements/.*", "requirements/*.txt", source) for source in copied} == set(
        let_in
    )


def test_the_version_comes_from_one_place():
    make = (ROOT / "Makefile").read_text()
    assert "--build-arg VERSION=$(VERSION)" in make
    assert all(__version__ not in path.read_text() for path in DOCKERFILES)


def test_instructions_are_read_with_their_lines():
    text = '# a\nFROM x:1.2.3\n\n# why\nRUN one \\\n    && two \\\n# between\n    && three\nLABEL a="b c" d=${E}\nUSER 5\n'
    result = dockerfile.instructions(text)
    assert [(step.keyword, step.line, step.comment) for step in result] == [
        ("FROM", 2, "# a"),
        ("RUN", 5, "# why"),
        ("LABEL", 9, ""),
        ("USER", 10, ""),
    ]
    assert result[1].value == "one && two && three"
    assert result[2].pairs() == {"a": "b c", "d": "${E}"}
    assert dockerfile.expand("a ${E}${F} $E", {"E": "1"}) == "a 1 $E"


@pytest.mark.bad_input
def test_an_instruction_that_is_not_read_is_no_guess():
    with pytest.raises(BadDataError, match="x line 2: ADD; expected FROM"):
        dockerfile.instructions("FROM a:1.2.3\nADD b c\n", "x")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "python:3.11.13-slim-bookworm",
            "python:latest",
            "line 4: python:latest; expected name:tag with a version",
        ),
        (
            "python:3.11.13-slim-bookworm",
            "python:3-slim",
            "line 4: python:3-slim; expected name:tag with a version",
        ),
        ("python:3.11.13-slim-bookworm", "python", "line 4: python; expected name:tag"),
        ("slim-bookworm", f"slim-bookworm@{DIGEST}", "line 4: a digest without its source"),
        (
            "FROM python:3.11.13-slim-bookworm",
            f"# source: somewhere\nFROM python:3.11.13@{DIGEST}",
            "line 5: a digest without its source",
        ),
        ("USER 65534", "USER root", "USER root; expected a number above 0"),
        ("USER 65534", "USER 0", "USER 0; expected a number above 0"),
        ("USER 65534", "", "no USER; expected a number above 0"),
        ("USER 65534", "USER 65534\nUSER 0", "USER 0; expected a number above 0"),
        ("--require-hashes ", "", "pip install without --require-hashes"),
        ("image.licenses", "image.license", "no label org.opencontainers.image.licenses"),
        ("ARG ROLE", "FROM python:3.11.13\nARG ROLE", "2 FROM; expected one"),
    ],
)
def test_what_breaks_a_rule_is_named(tmp_path, old, new, words):
    text = SCORE.read_text()
    assert old in text
    broken = tmp_path / SCORE.name
    broken.write_text(text.replace(old, new))
    result = dockerfile.faults(broken)
    assert len(result) == 1
    assert result[0].startswith("score.Dockerfile")
    assert words in result[0]


def test_a_digest_with_its_source_is_taken(tmp_path):
    pinned = tmp_path / SCORE.name
    base = "FROM python:3.11.13-slim-bookworm"
    pinned.write_text(
        SCORE.read_text().replace(
            base, f"# source: https://host/v2/python, 2026-01-31\n{base}@{DIGEST}"
        )
    )
    assert dockerfile.faults(pinned) == []


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("lock", "name", "words"),
    [
        ("numpy==2\ntorch==2.6\n", "score", "torch; expected it in export.txt alone"),
        (
            "onnxruntime==1.2\nonnxruntime-gpu==1.2\n",
            "score",
            "onnxruntime and onnxruntime-gpu; expected one",
        ),
        (
            "onnxruntime==1.2\nonnxruntime-gpu==1.2\ntorch==2.6\n",
            "export",
            "onnxruntime and onnxruntime-gpu; expected one",
        ),
    ],
)
def test_a_lock_that_no_image_may_have(tmp_path, lock, name, words):
    (tmp_path / "score.txt").write_text(lock)
    match = dockerfile.lock_faults(tmp_path / "score.txt", name)
    assert len(match) == 1
    assert words in match[0]


class Registry(BaseHTTPRequestHandler):
    """Answers 401 with a challenge, then the manifest to whoever brings the token; `named` is the
    digest it says."""

    named = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()

    def do_GET(self):  # noqa: N802  (the standard library's name)
        host = self.headers["Host"]
        if self.path.startswith("/token?"):
            assert "scope=repository%3Alab%2Fpython%3Apull" in self.path
            self.answer(200, json.dumps({"token": "let-me-in"}).encode())
        elif self.path != "/v2/lab/python/manifests/3.11.13-slim":
            self.answer(404, b"")
        elif self.headers["Authorization"] != "Bearer let-me-in":
            self.answer(
                401,
                b"",
                {
                    "WWW-Authenticate": f'Bearer realm="http://{host}/token",service="here",scope="repository:lab/python:pull"'
                },
            )
        else:
            assert "application/vnd.oci.image.index.v1+json" in self.headers["Accept"]
            self.answer(200, MANIFEST, {"Docker-Content-Digest": self.named})

    def answer(self, code, body, headers=()):
        self.send_response(code)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def registry():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def pin(*paths):
    command = [sys.executable, str(ROOT / "dev" / "pin_images.py"), *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def from_lines(path):
    return [line for line in path.read_text().splitlines() if line.startswith(("FROM", "# source"))]


def test_pin_images_writes_the_digest_and_its_source(tmp_path, registry):
    path = tmp_path / SCORE.name
    path.write_text(
        SCORE.read_text().replace(
            "FROM python:3.11.13-slim-bookworm", f"FROM {registry}/lab/python:3.11.13-slim"
        )
    )
    for _ in range(2):  # the second time over its own lines
        ended = pin(path)
        assert (ended.returncode, ended.stderr) == (0, "")
        source, base = from_lines(path)
        assert re.fullmatch(
            rf"# source: http://{registry}/v2/lab/python/manifests/3\.11\.13-slim, \d{{4}}-\d\d-\d\d",
            source,
        )
        assert base == f"FROM {registry}/lab/python:3.11.13-slim@{Registry.named}"
    assert dockerfile.faults(path) == []
    assert path.read_text().count("\n") == SCORE.read_text().count("\n") + 1


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("base", "named", "code", "words"),
    [
        ("{}/lab/python:3.11.14", Registry.named, 74, "no manifest (HTTP Error 404"),
        ("127.0.0.1:1/lab/python:3.11.13-slim", Registry.named, 74, "no manifest (<urlopen error"),
        ("{}/lab/python:3.11.13-slim", DIGEST, 65, f"expected {DIGEST}"),
        ("python", Registry.named, 65, "line 1: python; expected name:tag"),
    ],
)
def test_pin_images_ends_with_one_line_and_writes_nothing(
    tmp_path, registry, monkeypatch, base, named, code, words
):
    monkeypatch.setattr(Registry, "named", named)
    good, bad = tmp_path / "a.Dockerfile", tmp_path / "b.Dockerfile"
    good.write_text(f"FROM {registry}/lab/python:3.11.13-slim\n")
    bad.write_text(f"FROM {base.format(registry)}\n")
    before = [path.read_text() for path in (good, bad)]
    ended = pin(good, bad)
    assert ended.returncode == code
    assert ended.stderr.count("\n") == 1
    assert words in ended.stderr
    assert [path.read_text() for path in (good, bad)] == before


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("python", "https://registry-1.docker.io/v2/library/python/manifests/1.2.3"),
        ("lab/python", "https://registry-1.docker.io/v2/lab/python/manifests/1.2.3"),
        ("example.org/lab/python", "https://example.org/v2/lab/python/manifests/1.2.3"),
        ("localhost/python", "http://localhost/v2/python/manifests/1.2.3"),
    ],
)
def test_where_a_name_lies(name, expected):
    assert pin_images.address(name, "1.2.3") == expected


@pytest.mark.parametrize("image", ["score", "multiqc"])
def test_following_a_dockerfile(tmp_path, monkeypatch, capsys, image):
    """RUN lines are handed over as they stand, with ARG and ENV set; COPY lands where it says."""
    ran = []
    monkeypatch.setattr(
        check_images,
        "run",
        lambda arguments, what, variables, show=False: ran.append((arguments[-1], variables)),
    )
    monkeypatch.setattr(check_images, "LENT", ())
    path = dockerfile.CONTAINERS / f"{image}.Dockerfile"
    environment = check_images.build(tmp_path, path, {"ROLE": "score_gpu", "VERSION": "7"})
    assert [line for line, _ in ran] == [
        step.value for step in dockerfile.instructions(path.read_text()) if step.keyword == "RUN"
    ]
    assert ran[-1][1]["VERSION"] == "7"
    assert environment["HOME"] == "/tmp"
    lock = "score_gpu" if image == "score" else "multiqc"
    assert (tmp_path / "opt/gfmtrust/requirements.txt").read_bytes() == (
        ROOT / f"python/requirements/{lock}.txt"
    ).read_bytes()
    assert (tmp_path / "opt/gfmtrust/python/gfmtrust/cli/main.py").is_file() == (image == "score")
    table = tmp_path / "opt/gfmtrust/python/gfmtrust/models/data/models.csv"
    assert table.is_file() == (image == "score")
    assert len(capsys.readouterr().out.splitlines()) == len(ran) + (2 if image == "score" else 1)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("user", "debootstrap", "words"),
    [(1000, "/sbin/debootstrap", "not root"), (0, None, "no debootstrap")],
)
def test_without_root_or_debootstrap_it_says_so(monkeypatch, capsys, user, debootstrap, words):
    monkeypatch.setattr(check_images.os, "getuid", lambda: user)
    monkeypatch.setattr(check_images.shutil, "which", lambda _name: debootstrap)
    monkeypatch.setattr(sys, "argv", ["check_images.py"])
    assert check_images.main() == 66
    assert capsys.readouterr().err.startswith(
        f"check-images: this machine: {words}; expected root and debootstrap"
    )
