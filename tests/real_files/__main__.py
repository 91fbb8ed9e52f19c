"""Download, convert and judge; print the table of outcomes, and fail if one is not expected."""

import argparse
import hashlib
import sys
import tempfile
from collections import Counter
from pathlib import Path

from services.conversion.pipeline.engine import FfmpegEngine
from tests.real_files.judge import judge
from tests.real_files.packages import audio_files, download

EXPECTED = Path(__file__).parent / "expected.tsv"
"""Outcomes other than `same`, by hash; each was looked at. The last column says why."""
MIN_FILES = 200


def read_expected() -> dict[str, list[str]]:
    """Return the lines of the table: name, outcome and reason by hash."""
    lines = EXPECTED.read_text().splitlines() if EXPECTED.exists() else []
    return {key: rest for key, *rest in (line.split("\t") for line in lines if line[:1] != "#")}


def main() -> int:
    """Run the target; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".real-files"))
    parser.add_argument("--write", action="store_true", help="write expected.tsv; review it then")
    parser.add_argument("--only", default="", help="only files whose path contains this")
    options = parser.parse_args()
    failed = download(options.folder)
    if failed:
        print(f"These packages could not be downloaded: {', '.join(failed)}.")
    engine, expected = FfmpegEngine(), read_expected()
    outcomes: Counter[str] = Counter()
    unexpected, lines = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, content in audio_files(options.folder):
            if options.only not in name:
                continue
            path = Path(folder) / f"x{Path(name).suffix}"
            path.write_bytes(content)
            outcome, key = judge(engine, path), hashlib.sha256(content).hexdigest()[:16]
            known = expected.get(key, ["", "same", ""])
            outcomes[str(outcome)] += 1
            if str(outcome) != "same":
                reason = known[2] if len(known) > 2 and known[1] == str(outcome) else outcome.detail
                lines.append("\t".join((key, name, str(outcome), reason)))
            if str(outcome) != known[1]:
                unexpected.append(f"{key} {name}: {outcome}, expected {known[1]} {outcome.detail}")
    for outcome_text, count in sorted(outcomes.items(), key=lambda each: -each[1]):
        print(f"{count:5}  {outcome_text}")
    print(f"{outcomes.total():5}  files")
    if options.write:
        EXPECTED.write_text("# hash\tfile\toutcome\treason\n" + "\n".join(lines) + "\n")
    else:
        print("\n".join(unexpected))
    too_few = not options.only and outcomes.total() < MIN_FILES
    if too_few:
        print(f"Only {outcomes.total()} files: at least {MIN_FILES} are wanted.")
    return 1 if too_few or (unexpected and not options.write) else 0


if __name__ == "__main__":
    sys.exit(main())
