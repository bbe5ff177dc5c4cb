"""Write the sample from the command line: python -m include.s3logs.sample <folder>."""

import argparse
import sys
from pathlib import Path

from include.s3logs.sample import write_sample


def main() -> None:
    """Write the sample and say in one line what it is."""
    parser = argparse.ArgumentParser(prog="python -m include.s3logs.sample", description=write_sample.__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    days = write_sample(folder).days.values()
    objects, lines = (sum(day[count] for day in days) for count in ("objects", "lines"))
    sys.stdout.write(f"{folder}: {objects} log objects of {len(days)} log days, {lines} lines\n")


if __name__ == "__main__":
    main()
