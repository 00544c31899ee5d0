"""The command `kervan`: which commands there are, loaded only when they are used."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from kervan.cli.edge import colours, fail, fail_as_json

# Command, where it is, and its line in `kervan --help`: nothing is imported for showing that.
COMMANDS = {
    "auto": ("kervan.cli.project:auto", "Find the best model of a table within a time."),
    "init": ("kervan.cli.project:init", "Start a project: write a kervan.toml to edit."),
    "run": ("kervan.cli.project:run", "Live the whole way that kervan.toml describes."),
    "ui": ("kervan.cli.ui:ui", "Open the project in the browser."),
    "settings": ("kervan.cli.project:settings", "Show every setting with its value, and who set it."),
    "data": ("kervan.cli.data:data", "List, ingest, show, export and delete datasets."),
    "features": ("kervan.cli.features:features", "Show what a model computes from its columns."),
    "train": ("kervan.cli.model:train", "Compare candidates and fit the best; register nothing."),
    "reproduce": (
        "kervan.cli.model:reproduce",
        "Do a run again, and compare what comes of it.",
    ),
    "runs": ("kervan.cli.runs:runs", "Search, show and compare runs."),
    "models": ("kervan.cli.model:models", "List, show and delete registered models."),
    "errors": ("kervan.cli.errors:errors", "Show where a model fails, and why it answers as it does."),
    "explain": ("kervan.cli.errors:explain", "Show the reasons of one answer."),
    "costs": ("kervan.cli.costs:costs", "Show what a model's answers cost."),
    "behaviour": ("kervan.cli.behaviour:behaviour", "Show what came of the tests of behaviour."),
    "profile": ("kervan.cli.profile:profile", "Find how many replicas a model needs for a goal."),
    "package": ("kervan.cli.package:package", "Take a model out as a folder or a file, or check one."),
    "release": ("kervan.cli.release:release", "Let a model answer in an environment."),
    "deploy": (
        "kervan.cli.deploy:deploy",
        "Let a model answer in a cluster, a cloud, a container.",
    ),
    "render": ("kervan.cli.deploy:render", "Write what would be deployed as files, and check them."),
    "targets": ("kervan.cli.deploy:targets", "List the places that models can be deployed to."),
    "logs": ("kervan.cli.deploy:logs", "Show what the servers of an environment write."),
    "shell": ("kervan.cli.deploy:shell", "Open a shell where an environment answers."),
    "releases": ("kervan.cli.release:releases", "Show what runs where, since when, by whom, and why."),
    "approve": ("kervan.cli.release:approve", "Agree that a model may be released to an environment."),
    "image": ("kervan.cli.image:image", "Make, push and scan the image of a model."),
    "registry": ("kervan.cli.registry:registry", "Show what answered where at a time."),
    "experiment": ("kervan.cli.release:experiment", "Show which version of an experiment is better."),
    "serve": ("kervan.cli.serve:serve", "Answer for a model or package in the foreground."),
    "key": ("kervan.cli.key:key", "Issue, list, rotate and revoke keys to the servers."),
    "predict": ("kervan.cli.predict:predict", "Ask the model that is in production."),
    "predictions": ("kervan.cli.predictions:predictions", "Find recorded predictions, newest first."),
    "traffic": ("kervan.cli.predictions:traffic", "Count requests and times of each version over time."),
    "feedback": ("kervan.cli.records:feedback", "Keep what turned out to be true beside the predictions."),
    "records": ("kervan.cli.records:records", "List, compact and clean the records of predictions."),
    "trace": ("kervan.cli.watch:trace", "Walk from one prediction back to rows, code and approver."),
    "replay": ("kervan.cli.replay:replay", "Answer recorded requests once more, and compare."),
    "drift": ("kervan.cli.watch:drift", "Compare what is asked with what was trained on."),
    "quality": ("kervan.cli.watch:quality", "Say how right each version was, as labels came."),
    "audit": ("kervan.cli.audit:audit", "Search, export and verify the audit trail."),
    "gc": ("kervan.cli.care:gc", "Remove stored files that nothing refers to."),
    "doctor": ("kervan.cli.care:doctor", "Say what is wrong with a project and how to mend it."),
    "demo": ("kervan.cli.demo:demo", "Live one model's whole life on a real table."),
    "completion": ("kervan.cli.care:completion", "Print the shell's completion script."),
}

_EPILOG = """\b
Start:  kervan demo
        kervan init --source adult.csv --target income
        kervan run
Exit:   0 well, 1 a bug, 2 wrong input, 3 not found, 4 refused, 5 conflict,
        6 storage, 7 an extra is missing, 8 a server failed"""


class _Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of a model's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or say which one was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from kervan.core.errors import did_you_mean

            raise click.UsageError(f"there is no command {args[0]!r}; {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kervan", message="%(prog)s %(version)s")
def kervan() -> None:
    """Carry one machine-learning model through its whole life: data, model, code, watch."""


def run(arguments: Sequence[str] | None) -> None:
    """Run the command line; errors become one line, a hint and an exit code."""
    as_json = "--json" in (sys.argv[1:] if arguments is None else arguments)
    try:
        status = kervan.main(args=arguments, prog_name="kervan", standalone_mode=False, color=colours())
    except click.exceptions.Abort:
        click.echo(_interrupted(sys.argv[1:] if arguments is None else arguments), err=True)
        sys.exit(130)
    except click.ClickException as error:
        if as_json:
            fail_as_json("UsageError", error.format_message(), "see --help")
        else:
            error.show()
        sys.exit(error.exit_code)
    except (SystemExit, KeyboardInterrupt):
        raise
    # The last place: whatever is no user's mistake is reported; a panic of Polars is no `Exception`.
    except BaseException as error:  # noqa: BLE001
        sys.exit(fail(error, as_json=as_json))
    sys.exit(status if isinstance(status, int) else 0)


def _interrupted(arguments: Sequence[str]) -> str:
    """Say what becomes of what was interrupted."""
    command = next((each for each in arguments if each in COMMANDS), "")
    if command in {"run", "train"}:
        return f"interrupted; the next `kervan {command}` goes on from here"
    if command in {"release", "releases"}:
        return "interrupted; a release under way goes on by itself: `kervan releases`"
    return "interrupted"
