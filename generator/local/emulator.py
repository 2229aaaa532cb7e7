"""The embedded AWS: MiniStack with our plug-in as a child process, all of its state under one directory.

    with Emulator(Path(".local")) as emulator:
        emulator.client("s3").list_buckets()

SigV4 and IAM are enforced and TLS is on. The caller gets an IAM *user* with AdministratorAccess rather than the root
key, because MiniStack lets root past every policy. State survives a clean stop only: MiniStack writes it on SIGTERM.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from botocore.exceptions import ClientError

from generator.local.authority import Certificates, certificates
from generator.local.connection import CREDENTIALS, LOCK, PORT, REGION, Connection, Credentials
from generator.local.errors import EmulatorFailed, NotRunning, StateDirectoryBusy

DEFAULT_STATE_DIR = Path(".local")
_REPOSITORY = Path(__file__).resolve().parents[2]
_PLUGIN_PARENT = Path(__file__).resolve().parent
_ADMIN = "local-admin"
# MiniStack's own root key; used once, to create the IAM user that everything else works as.
_ROOT = ("test", "test")
_START_DEADLINE_S = 60.0
_STOP_DEADLINE_S = 45.0


class Emulator:
    """One running MiniStack, and the lock on its state directory.

    `python` is the interpreter of the virtual environment that holds MiniStack (default: `.venv-aws` of this
    repository). Raises StateDirectoryBusy or EmulatorFailed from `start`.
    """

    def __init__(self, state_dir: Path = DEFAULT_STATE_DIR, *, python: Path | None = None) -> None:
        self.state_dir = state_dir.resolve()
        self._python = python or _REPOSITORY / ".venv-aws" / "bin" / "python"
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """How to reach it. Raises NotRunning before `start`."""
        if self._connection is None:
            raise NotRunning(self.state_dir)
        return self._connection

    @property
    def endpoint_url(self) -> str:
        """Every service's endpoint."""
        return self.connection.endpoint_url

    @property
    def ca_bundle(self) -> Path:
        """The authority to trust, usable as AWS_CA_BUNDLE."""
        return self.connection.ca_bundle

    @property
    def credentials(self) -> Credentials:
        """The administrator's access key (an IAM user, so that policies count)."""
        return self.connection.credentials

    def environment(self) -> Mapping[str, str]:
        """What a process needs to talk to this AWS as its administrator, and to no other."""
        return self.connection.environment()

    def client(self, service: str) -> Any:
        """A boto3 client of `service` as the administrator."""
        return self.connection.client(service)

    @property
    def log(self) -> Path:
        """MiniStack's log of this start."""
        return self.state_dir / "log" / "emulator.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start MiniStack and return when it answers and the administrator exists."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.state_dir)
        try:
            made = certificates(self.state_dir / "tls")
            port = _kept_port(self.state_dir)
            root = Connection(port, made.authority, Credentials(*_ROOT))
            self._process = self._spawn(root, made)
            self._await_answer(root, self._process)
            self._connection = Connection(port, made.authority, self._administrator(root))
        except BaseException:
            self.stop(check=False)
            raise

    def stop(self, *, check: bool = True) -> None:
        """Stop MiniStack so that it keeps its state, and give the state directory free.

        Raises EmulatorFailed where it had to be killed (its state of this run is lost then) unless `check` is false.
        """
        process, self._process = self._process, None
        killed = False
        if process is not None:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(_STOP_DEADLINE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    killed = True
            if process.stdin is not None:
                process.stdin.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        if killed and check:
            raise EmulatorFailed(f"MiniStack did not stop within {_STOP_DEADLINE_S:.0f} s and was killed", self.log)

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process is not None and self._process.poll() is None

    def _spawn(self, root: Connection, made: Certificates) -> subprocess.Popen[bytes]:
        if not self._python.exists():
            raise EmulatorFailed(f"no Python at {self._python}: run `make install` first", self.log)
        for name in ("log", "aws", "s3", "tmp"):
            (self.state_dir / name).mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.state_dir),
            "TMPDIR": str(self.state_dir / "tmp"),
            "PYTHONPATH": str(_PLUGIN_PARENT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GATEWAY_PORT": str(root.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(made.certificate),
            "MINISTACK_SSL_KEY": str(made.key),
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.state_dir / "aws"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.state_dir / "s3"),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "ECS_RESTORE_RECONCILE_DELAY_SECONDS": "0.5",
            "LOG_LEVEL": os.environ.get("ECG_EMULATOR_LOG_LEVEL", "WARNING"),
            "ECG_LOOPBACK_PREFIX": root.loopback_prefix,
        }
        with self.log.open("wb") as log:
            return subprocess.Popen(
                # -P: without it the current directory would come first on the path.
                [str(self._python), "-P", "-m", "plugin"],
                env=environment,
                cwd=self.state_dir,
                # The plug-in stops MiniStack when this pipe closes, so our death cannot leave it running.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches us alone: we stop the tasks first and the emulator last.
                start_new_session=True,
            )

    def _await_answer(self, root: Connection, process: subprocess.Popen[bytes]) -> None:
        trust = ssl.create_default_context(cafile=str(root.ca_bundle))
        deadline = time.monotonic() + _START_DEADLINE_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EmulatorFailed(f"MiniStack ended with code {process.returncode}", self.log)
            with (
                contextlib.suppress(urllib.error.URLError, OSError),
                urllib.request.urlopen(  # noqa: S310 - our own loopback address
                    f"{root.endpoint_url}/_ministack/ready", timeout=2, context=trust
                ) as answer,
            ):
                if answer.status == 200:
                    return
            time.sleep(0.1)
        raise EmulatorFailed(f"MiniStack did not answer within {_START_DEADLINE_S:.0f} s", self.log)

    def _administrator(self, root: Connection) -> Credentials:
        """The kept administrator's key if the restored state still knows it, else a new one."""
        kept = self.state_dir / CREDENTIALS
        if kept.exists():
            credentials = Credentials(**json.loads(kept.read_text(encoding="utf-8")))
            with contextlib.suppress(ClientError):
                replace(root, credentials=credentials).client("iam").get_user()
                return credentials
        iam = root.client("iam")
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_user(UserName=_ADMIN)
        iam.attach_user_policy(UserName=_ADMIN, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        key = iam.create_access_key(UserName=_ADMIN)["AccessKey"]
        credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        kept.touch(mode=0o600)
        kept.write_text(json.dumps(asdict(credentials)), encoding="utf-8")
        return credentials


def _locked(state_dir: Path) -> IO[str]:
    """The held lock file; the kernel gives it free when this process ends, however it ends."""
    lock = (state_dir / LOCK).open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise StateDirectoryBusy(state_dir, int(holder) if holder.isdigit() else 0) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _kept_port(state_dir: Path) -> int:
    """The port of the last start where it is free, else a free one, which is then kept."""
    kept = state_dir / PORT
    if kept.exists() and (text := kept.read_text(encoding="utf-8").strip()).isdigit() and _is_free(int(text)):
        return int(text)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    kept.write_text(str(port), encoding="utf-8")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
