"""The entry: options, the command that they name, and its exit code."""

import argparse
from collections.abc import Sequence

from core.cli import (
    anomaly,
    catalogues,
    choose_joint,
    data,
    evaluate,
    explain,
    fetch,
    generate,
    import_network,
    models,
    remove,
    serve,
    stamp,
    student,
    train,
    verify,
    workshop,
)
from core.cli.options import threads
from core.cli.output import ReaderGoneError, complain, flush, stand_in_for_closed
from core.errors import ConfigError, CoreError

COMMANDS = (
    serve,
    models,
    import_network,
    fetch,
    remove,
    catalogues,
    train,
    student,
    generate,
    data,
    evaluate,
    verify,
    stamp,
    anomaly,
    choose_joint,
    explain,
    workshop,
)
READER_GONE = 141  # what a shell says of a program that SIGPIPE ended
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    stand_in_for_closed()
    try:
        try:
            return _act(_parser().parse_args(arguments))
        finally:
            flush()
    except ReaderGoneError:
        return READER_GONE
    except ConfigError as error:
        complain(str(error))
        return 2
    except CoreError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("interrupted; the same command goes on where it stopped")
        return INTERRUPTED


def _act(options: argparse.Namespace) -> int:
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    return int(options.action(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="robustscope", description="See how standard and robust networks look at an image."
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--json", action="store_true", help="print the result as JSON on standard output, and no progress bars"
    )
    shared.add_argument("--threads", type=threads, help="CPU threads that torch may use")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands, shared)
    return parser
