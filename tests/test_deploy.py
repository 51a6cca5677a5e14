"""The container file, the compose file and the systemd unit, as far as they can be checked without their engines."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import uvicorn

DEPLOY = Path(__file__).parents[1] / "deploy"
UNIT, COMPOSE, NGINX, CONTAINER = (
    (DEPLOY / name).read_text(encoding="utf-8")
    for name in ("robustscope.service", "compose.yaml", "nginx.conf", "Containerfile")
)


def complaints_of_hadolint(path: Path) -> str:
    linter = Path(sys.executable).parent / "hadolint"
    return subprocess.run([linter, "--no-color", path], capture_output=True, text=True, check=False).stdout


def complaints_of_systemd(folder: Path, unit: str) -> str:
    """What systemd says of a unit; it wants to find the program that it starts."""
    path = folder / "robustscope@8501.service"
    path.write_text(re.sub(r"ExecStart=\S+", f"ExecStart={sys.executable}", unit), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no hadolint for it")
def test_the_container_file_has_no_fault_that_hadolint_knows(tmp_path):
    assert not complaints_of_hadolint(DEPLOY / "Containerfile")
    worse = tmp_path / "Containerfile"
    worse.write_text(CONTAINER.replace("WORKDIR /opt/robustscope", "WORKDIR robustscope"), encoding="utf-8")
    assert "DL3000" in complaints_of_hadolint(worse)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not there")
def test_systemd_knows_every_setting_of_the_unit(tmp_path):
    assert not complaints_of_systemd(tmp_path, UNIT)
    assert "MemoryMost" in complaints_of_systemd(tmp_path, UNIT.replace("MemoryMax", "MemoryMost"))


def test_nginx_finds_the_servers_of_the_compose_file_under_their_names():
    renamed = dict(re.findall(r"s/([\d.:]+)/(\w+:\d+)/", COMPOSE))
    assert sorted(renamed) == sorted(re.findall(r"server ([\d.:]+) max_fails", NGINX))
    assert all(re.search(rf"^  {name.split(':')[0]}: \*server$", COMPOSE, re.M) for name in renamed.values())


def test_nginx_closes_silent_connections_before_the_servers_do():
    """One that a server closes while nginx asks over it counts as its failure, and sends its visitors elsewhere."""
    upstream = re.search(r"^upstream robustscope \{.*?^\}", NGINX, re.M | re.S)
    kept = re.search(r"keepalive_timeout (\d+)s;", upstream[0])
    assert kept and int(kept[1]) < uvicorn.Config(app="").timeout_keep_alive


def test_the_guide_names_what_is_there_and_nothing_that_nginx_refuses():
    """With `hash` nginx takes no `backup`; the unit reads the file that the guide has one write."""
    guides = [(DEPLOY.parent / "docs" / "guide" / name).read_text() for name in ("serving.md", "workshop.md")]
    copied = {name for guide in guides for name in re.findall(r"cp (deploy/\S+)", guide)}
    assert copied and all((DEPLOY.parent / name).is_file() for name in copied)
    assert "hash $" in NGINX and not any("backup" in text for text in (NGINX, *guides))
    files = set(re.findall(r"/etc/\w+\.env", guides[0]))
    assert files and all(f"EnvironmentFile=-{name}" in UNIT for name in files)
    certificates = re.findall(r"/etc/ssl/robustscope/(\S+);", NGINX)
    assert len(certificates) == 2 and all(f"`{name}`" in guides[0] for name in certificates)


def test_what_the_servers_write_to_is_theirs_though_the_container_is_read_only():
    folders = re.findall(r": (/shared)/\w+$", COMPOSE, re.M)
    assert folders and all(f"install -d -o robustscope {folder}" in CONTAINER for folder in folders)
    home = re.search(r"^    HOME: (\S+)", COMPOSE, re.M)
    assert home and f"  tmpfs:\n    - {home[1]}\n" in COMPOSE, "a home in memory, of the kind that all may write to"


def test_images_are_named_with_their_registry():
    """podman as Debian has it looks a short name up nowhere."""
    named = re.findall(r"^(?:FROM| +image:) (\S+)", CONTAINER + COMPOSE, re.M)
    assert len(named) == 3 and all(name.startswith("docker.io/library/") for name in named)


def test_no_file_of_secrets_gets_into_an_image():
    copied = [Path(name) for line in re.findall(r"^COPY (.+) \S+$", CONTAINER, re.M) for name in line.split()]
    assert Path(".streamlit/config.toml") in copied and not any(name in (Path(), Path(".streamlit")) for name in copied)


def test_servers_in_containers_can_ask_for_a_login():
    """The packages are in the image; the file of secrets comes from outside, from a folder that a clone has, empty."""
    needed = Path("requirements-login.txt")
    assert "Authlib==" in (DEPLOY.parent / needed).read_text() and f"-r {needed}" in CONTAINER
    file = Path(re.search(r"^    STREAMLIT_SECRETS_FILES: (\S+)", COMPOSE, re.M)[1])
    folder = re.search(rf"^    - \${{SECRETS:-\./(\w+)}}:{file.parent}:ro$", COMPOSE, re.M)[1]
    assert "*" in (DEPLOY / folder / ".gitignore").read_text().splitlines(), "nothing in it is ever committed"
    guide = (DEPLOY.parent / "docs" / "guide" / "serving.md").read_text()
    number = re.search(r"^USER (\d+)$", CONTAINER, re.M)[1]
    assert f"`deploy/{folder}/{file.name}`" in guide and f"chown {number}`" in guide


def test_what_visitors_bring_is_for_nobody_else_on_the_machine():
    assert "\nStateDirectoryMode=0700\n" in UNIT and "\nUMask=0077\n" in UNIT


def test_servers_in_containers_believe_the_nginx_before_them():
    """Wrong codes are counted by address: without it the whole house would share one count."""
    assert re.search(r'^    FORWARDED_ALLOW_IPS: "\*"$', COMPOSE, re.M)
    assert COMPOSE.count("    ports:\n") == 1, "nginx alone is reached from outside"
