"""`robustscope workshop rehearse`: play a whole session with simulated people, and print its report."""

import argparse
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.cli.options import count, new_file, seed
from core.cli.output import say

SESSION = "maps"
MOST_PEOPLE = 500


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    workshop = commands.add_parser("workshop", help="workshops: try one alone before leading it")
    actions = workshop.add_subparsers(required=True, metavar="ACTION")
    rehearse = actions.add_parser(
        "rehearse", parents=[shared], help="play a session with made-up answers, in a database of its own, and print it"
    )
    rehearse.add_argument("--people", type=count, default=30, help=f"how many, at most {MOST_PEOPLE} (default: 30)")
    rehearse.add_argument("--session", default=SESSION, help="a ready-made one: maps, study, study-colour, machines")
    rehearse.add_argument("--seed", type=seed, default=0, help="draws pictures and answers")
    rehearse.add_argument("--html", type=new_file, metavar="FILE", help="write the report as a page, too")
    rehearse.add_argument("--csv", type=new_file, metavar="FILE", help="write the answers as a table, too")
    rehearse.set_defaults(action=_rehearse)


def _rehearse(options: argparse.Namespace) -> int:
    from core.data.tasks import task_named
    from core.errors import ConfigError
    from core.files import write_atomically
    from core.models.zoo import load_zoo_model
    from core.workshop import report
    from core.workshop.database import Database
    from core.workshop.rehearsal import rehearse
    from core.workshop.sessions import prepare, session_named, subjects_of

    if options.people > MOST_PEOPLE:
        raise ConfigError(f"--people must be at most {MOST_PEOPLE}; got {options.people}")
    session = session_named(options.session)
    subjects = subjects_of(task_named(session.task), options.seed)
    rounds = list(prepare(session.plans, session.task, load_zoo_model, subjects, options.seed))
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'rehearsal.db'}")
        try:
            played = rehearse(database, session.title, rounds, options.people, options.seed)
            happened = [(what, room) for what, room in played]
            room = happened[-1][1]
            if not options.json:
                say(*(what for what, _ in happened))
            found = report.results(database, room)
            _print(options.json, room.workshop.title, found)
            if options.html:
                write_atomically(options.html, report.html_file(room, found))
            if options.csv:
                write_atomically(options.csv, report.csv_file(database, room))
        finally:
            database.close()
    return 0


def _print(as_json: bool, title: str, found: Any) -> None:
    import json

    from core.workshop.report import lines

    if as_json:
        rounds = [{"kind": each.round.kind, **asdict(each.summary)} for each in found]
        say(json.dumps({"title": title, "answers": "made up", "rounds": rounds}, indent=1))
        return
    say("", f"{title} (answers are made up)")
    for each in found:
        say("", each.summary.sentence)
        for share in (*each.summary.shares, *each.summary.machines):
            say(f"  {share.label}: {share.hits} of {share.n} ({100 * share.low:.0f} % to {100 * share.high:.0f} %)")
        say(*(f"  {line}" for line in lines(each.summary)))
