"""The local certificate authority, and RSA keys, made with the `openssl` program under the state directory.

MiniStack can sign its own certificate, but one without a wildcard for CloudFront's viewer names; a small authority of
ours lets every client verify every local name, and nothing is ever added to the machine's trust store.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from generator.local.errors import LocalError
from generator.local.viewer import SITE

# A wildcard must keep two labels (OpenSSL refuses `*.localhost`), hence one per service that routes by host name.
_NAMES = (
    "DNS:localhost",
    "DNS:*.cloudfront.localhost",
    "DNS:*.alb.localhost",
    "DNS:*.s3.localhost",
    f"DNS:{SITE}",
    "IP:127.0.0.1",
)
_DAYS = "3650"
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")  # made in no time, unlike RSA


@dataclass(frozen=True)
class Certificates:
    """Paths of the authority that clients trust and of the emulator's own certificate and key (PEM)."""

    authority: Path
    certificate: Path
    key: Path


def certificates(directory: Path) -> Certificates:
    """The certificates under `directory`, made on first use; the emulator's own again where it lacks a name.

    Raises LocalError where `openssl` is missing or fails.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Certificates(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    extensions, wanted = directory / "server.ext", _extensions()
    if made.certificate.exists() and extensions.read_text(encoding="utf-8") == wanted:
        return made
    made.certificate.unlink(missing_ok=True)
    authority_key = directory / "ca.key"
    if not (made.authority.exists() and authority_key.exists()):
        _openssl(
            *("req", "-x509", *_NEW_KEY, "-nodes", "-days", _DAYS, "-subj", "/CN=ECG pipeline local CA"),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", str(authority_key), "-out", str(made.authority)),
        )
    request = directory / "server.csr"
    _openssl(
        *("req", *_NEW_KEY, "-nodes", "-subj", "/CN=localhost"),
        *("-keyout", str(made.key), "-out", str(request)),
    )
    extensions.write_text(wanted, encoding="utf-8")
    unfinished = directory / "server.pem.part"
    _openssl(
        *("x509", "-req", "-in", str(request), "-days", _DAYS, "-CAcreateserial"),
        *("-CA", str(made.authority), "-CAkey", str(authority_key), "-extfile", str(extensions)),
        *("-out", str(unfinished)),
    )
    unfinished.rename(made.certificate)  # last, so that an interrupted first start is repeated whole
    return made


def _extensions() -> str:
    return (
        "basicConstraints=critical,CA:FALSE\n"
        "keyUsage=critical,digitalSignature,keyEncipherment\n"
        "extendedKeyUsage=serverAuth\n"
        f"subjectAltName={','.join(_NAMES)}\n"
    )


@dataclass(frozen=True)
class KeyPair:
    """An RSA key pair of 2048 bits, both halves PEM."""

    private: str
    public: str


def key_pair(directory: Path, name: str) -> KeyPair:
    """The key pair `name` under `directory`, made on first use; CloudFront takes RSA 2048 only for signed URLs."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    private, public = directory / f"{name}.key", directory / f"{name}.pub"
    if not public.exists():
        _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(private))
        private.chmod(0o600)
        _openssl("pkey", "-in", str(private), "-pubout", "-out", str(public))
    return KeyPair(private.read_text(encoding="utf-8"), public.read_text(encoding="utf-8"))


def _openssl(*arguments: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        raise LocalError(
            what="the program `openssl` was not found",
            where="PATH",
            action="install it (Debian: `apt-get install openssl`)",
        )
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LocalError(
            what=f"`openssl {arguments[0]}` failed: {done.stderr.strip()[-500:]}",
            where=program,
            action="run it by hand with the same arguments; version 1.1.1 or newer is needed",
        )
