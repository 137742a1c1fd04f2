"""Command of the tools for accelerators; `python -m tools.accelerators --help` lists what it takes."""

import argparse
import time

from tools.accelerators import compile as compiling


def main() -> None:
    """Read the options and do what they ask for."""
    parser = argparse.ArgumentParser(prog="python -m tools.accelerators")
    actions = parser.add_subparsers(dest="action", required=True)
    one = actions.add_parser("compile", help="compile the registry for devices that are not there")
    one.add_argument("--target", action="append", choices=["export", "v5p", "h200"], help="all three unless given")
    one.add_argument("--bits", action="append", type=int, choices=[32, 64], help="both widths unless given")
    one.add_argument("--only", default="", help="programs whose group and name hold this text")
    one.add_argument("--every", type=int, default=1, help="each n-th of these programs")
    one.add_argument("--limit", type=float, default=120.0, help="seconds that a program may take")
    one.add_argument("--budget", type=float, default=float("inf"), help="seconds after which no program is begun")
    actions.add_parser("table", help="write the table of the stored result into the guide")
    actions.add_parser("gpu", help="compare the programs on a GPU with those on the CPU")
    options = parser.parse_args()
    if options.action == "compile":
        began, rows = time.time(), []
        targets, widths = options.target or ["export", "v5p", "h200"], options.bits or [32, 64]
        try:
            for row in compiling.compiled(targets, widths, options.only, options.every, options.limit):
                rows.append(row)
                if time.time() - began > options.budget:
                    break
        finally:  # an interrupted run keeps what it has compiled
            compiling.store(rows)
    elif options.action == "table":
        from tools.accelerators import table

        table.write()
    else:
        from tools.accelerators import gpu

        gpu.main()


if __name__ == "__main__":
    main()
