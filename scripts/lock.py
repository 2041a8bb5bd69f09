"""Writes requirements.lock: the digest of every file that pip installs for the pinned versions.

    python scripts/lock.py        on Linux x86-64 with Python 3.11, after a change of the pins

Nothing is installed. Other platforms need other files, so the lock serves this one only.
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PINS = ("requirements.txt", "requirements-nodeps.txt")
HEAD = """# Made by scripts/lock.py: Linux x86-64, Python 3.11, no dependencies beyond these.
# pip install --no-deps --require-hashes -r requirements.lock
"""


def main() -> None:
    """Ask pip what it would install, and write it down."""
    pip = [sys.executable, "-m", "pip", "-q", "install", "--dry-run", "--ignore-installed"]
    files = [argument for name in PINS for argument in ("-r", str(ROOT / name))]
    report = subprocess.run(
        [*pip, "--no-deps", "--report", "-", *files], check=True, stdout=subprocess.PIPE
    )
    write(json.loads(report.stdout))


def write(report: dict) -> None:
    """Write pip's report as a lock."""
    lines = []
    for item in report["install"]:
        name, version = item["metadata"]["name"], item["metadata"]["version"]
        digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"{name}=={version} --hash=sha256:{digest}\n")
    (ROOT / "requirements.lock").write_text(HEAD + "".join(sorted(lines, key=str.lower)))


if __name__ == "__main__":
    main()
