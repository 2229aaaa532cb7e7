"""ecg-updater: keeps the agent on this box at the version that Git asks for.

Installed by the instance's user data, and as small as it can be, since a change of it replaces the instance. It follows
desired.json in S3, fetches and verifies the agent's package, prepares the Python environment that the package asks for,
and runs the agent, which does everything else. An agent that does not stay up gives way to the one before it.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

POLL_S = float(os.environ.get("ECG_POLL_S", "15"))
TRIAL_S = float(os.environ.get("ECG_AGENT_TRIAL_S", "20"))  # an agent that stays up so long is good
ROOT = Path(os.environ.get("ECG_ROOT") or "/")
PROGRAMS, STATE = ROOT / "opt/ecg", ROOT / "var/lib/ecg"
BUCKET, ENVIRONMENT = os.environ["ECG_ARTIFACTS_BUCKET"], os.environ["ECG_ENVIRONMENT"]
STOPPED = threading.Event()


def say(text: str) -> None:
    print(f"ecg-updater: {text}", flush=True)  # noqa: T201 the journal


def fetch(key: str, to: Path) -> None:
    """Raises CalledProcessError."""
    to.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["aws", "s3", "cp", "--only-show-errors", f"s3://{BUCKET}/{key}", str(to)], check=True, timeout=300)


def wanted_agent() -> dict[str, str]:
    pointer = STATE / "desired.json.updater"
    fetch(f"serve/{ENVIRONMENT}/desired.json", pointer)
    agent = json.loads(pointer.read_text())["agent"]
    return {"key": str(agent["key"]), "sha256": str(agent["sha256"])}


def unpacked(agent: dict[str, str]) -> Path:
    """The agent's folder, named by its hash, so that it is either complete or absent."""
    folder = PROGRAMS / "agents" / agent["sha256"]
    if not folder.exists():
        package = STATE / "agent.zip"
        fetch(agent["key"], package)
        found = hashlib.sha256(package.read_bytes()).hexdigest()
        if found != agent["sha256"]:
            raise ValueError(f"{agent['key']} is corrupt: its SHA-256 is {found}, not {agent['sha256']}")
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        with zipfile.ZipFile(package) as archive:
            archive.extractall(partial)
        partial.rename(folder)
    return folder


def python_for(folder: Path) -> Path:
    """A Python environment with what the agent's requirements.txt pins, made once for each content of that file."""
    if given := os.environ.get("ECG_PYTHON_ENV"):
        return Path(given) / "bin/python"
    requirements = folder / "requirements.txt"
    env = PROGRAMS / "env" / hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    if not (env / "complete").exists():
        say(f"installing {env}")
        shutil.rmtree(env, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(env)], check=True)
        subprocess.run([env / "bin/pip", "install", "--quiet", "--no-cache-dir", "-r", requirements], check=True)
        (env / "complete").touch()
    return env / "bin/python"


def tidy(*kept: "Agent | None") -> None:
    """Keep the programs of these agents only; an environment with CUDA has gigabytes."""
    needed = {path for agent in kept if agent for path in (agent.folder, agent.python.parents[1])}
    for path in (*PROGRAMS.glob("agents/*"), *PROGRAMS.glob("env/*")):
        if path not in needed:
            shutil.rmtree(path, ignore_errors=True)


class Agent:
    """One running agent."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder, self.python = folder, python
        env = {**os.environ, "ECG_AGENT_SHA256": folder.name}
        self.process = subprocess.Popen([python, "-m", "reconciler"], cwd=folder, env=env)

    def stays_up(self) -> bool:
        end = time.monotonic() + TRIAL_S
        while time.monotonic() < end and not STOPPED.wait(0.5):
            if self.process.poll() is not None:
                return False
        return True

    def end(self, leave_ray: bool = False) -> None:
        """SIGHUP leaves Ray serving for the next agent; SIGTERM ends it too."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGHUP if leave_ray else signal.SIGTERM)
            try:
                self.process.wait(90)
            except subprocess.TimeoutExpired:
                self.process.kill()


def turn(running: "Agent | None", bad: set[str]) -> "Agent | None":
    wanted = wanted_agent()
    if wanted["sha256"] in bad or (running and running.folder.name == wanted["sha256"]):
        return running
    folder = unpacked(wanted)
    python = python_for(folder)  # minutes, the first time; the agent before it works on meanwhile
    if running:
        running.end(leave_ray=running.python == python)
    say(f"starting agent {wanted['sha256'][:12]}")
    agent = Agent(folder, python)
    if running is None or agent.stays_up():
        tidy(agent, running)
        return agent
    say(f"agent {wanted['sha256'][:12]} does not stay up; back to {running.folder.name[:12]}")
    bad.add(wanted["sha256"])
    return Agent(running.folder, running.python)


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: STOPPED.set())
    running: Agent | None = None
    bad: set[str] = set()
    while not STOPPED.is_set():
        try:
            running = turn(running, bad)
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, zipfile.BadZipFile) as error:
            say(f"{type(error).__name__}: {error}; trying again in {POLL_S:g} s")
        if running and running.process.poll() is not None:
            say(f"the agent ended with {running.process.returncode}; starting it again")
            running = Agent(running.folder, running.python)
        STOPPED.wait(POLL_S)
    if running:
        running.end()


if __name__ == "__main__":
    main()
