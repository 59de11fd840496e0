"""The README's picture of a report: the sample study planned by the current code, as a browser shows it.

    python benchmarks/report_picture.py [--report FILE]

writes ``docs/images/report.png``; ``--report`` takes a report that is there already. Needs chromium.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "report.png"
WINDOW = (1180, 1900)
SHOWN_WIDTH = 745
COLOURS = 256


def photograph(report: Path, picture: Path) -> None:
    """The page's first screen as wide and as high as ``WINDOW``."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    size = f"--window-size={WINDOW[0]},{WINDOW[1]}"
    subprocess.run(
        [*command, size, f"--screenshot={picture}", report.resolve().as_uri()],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args().report
    with TemporaryDirectory() as folder:
        report, raw = given or Path(folder) / "demo" / "report.html", Path(folder) / "raw.png"
        if given is None:
            subprocess.run(
                [sys.executable, "-m", "procguide.cli", "demo", "-o", str(report.parent)], check=True
            )
        photograph(report, raw)
        page = Image.open(raw).convert("RGB")
        shown = page.resize(
            (SHOWN_WIDTH, round(page.height * SHOWN_WIDTH / page.width)), Image.Resampling.LANCZOS
        )
        shown.quantize(COLOURS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
