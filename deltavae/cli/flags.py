"""The one parser of flags: argparse, with booleans and lists as the commands always took them."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from deltavae.errors import nearest, unknown_name

_WIDTH = 98
_TRUE, _FALSE = ("true", "t", "1", "yes"), ("false", "f", "0", "no")
_LEVELS = {"fatal": -3, "error": -2, "warning": -1, "info": 0, "debug": 1}


class Parser(argparse.ArgumentParser):
    """Flags as `--name value` or `--name=value`, booleans as `--name`, `--noname`, `--name=false`.

    A wrong flag is one line on the standard error stream and status 2; help fits a screen and
    ends with examples.

    Args:
        prog: how the user called the command, for the usage line and the examples.
        description: what the command does, one sentence.
        arguments: what follows the flags, for the usage line.
        examples: arguments of calls that work.
    """

    def __init__(
        self, prog: str, description: str, examples: Sequence[str], arguments: str = ""
    ) -> None:
        super().__init__(
            prog=prog,
            usage=" ".join(("%(prog)s", "[FLAG ...]", *([arguments] if arguments else []))),
            description=description,
            epilog="\n".join(["examples:", *(f"  {prog} {each}".rstrip() for each in examples)]),
            formatter_class=_Formatter,
            allow_abbrev=False,
            add_help=False,
        )
        self._booleans: set[str] = set()
        self.common = self.add_argument_group("of every command")
        self.common.add_argument(
            "--verbosity", "-v", type=_level, metavar="LEVEL", help="Messages: error ... debug."
        )
        self.common.add_argument("--help", "-h", action="help", help="This text.")

    def boolean(self, name: str, help: str, default: bool = False) -> None:
        """Add `--name` and `--noname`."""
        self._booleans.add(name)
        self.add_argument(
            f"--{name}", action=_Boolean, default=default, type=_truth, metavar="BOOL", help=help
        )

    def data_dir(self) -> None:
        """Add `--data_dir`, which means the same to every command that opens data sets."""
        self.common.add_argument(
            "--data_dir",
            metavar="DIR",
            help="Public data sets; default: $DISENTANGLEMENT_LIB_DATA or scratch/dataset.",
        )

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse; flags and other arguments may come in any order."""
        found = self.parse_intermixed_args([self._spelled_out(each) for each in arguments])
        for action in self._actions:
            value = getattr(found, action.dest, None)
            # as of a variable that is not set: no default may stand in for it
            if action.type is None and "" in (value if isinstance(value, list) else [value]):
                self.error(f"{(action.option_strings or [action.dest])[0]} is empty")
        return found

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Parse, and refuse what is not known with the name that is nearest to it."""
        found, unknown = super().parse_known_args(args, namespace)
        for each in unknown:
            if each.startswith("-") and each != "-":
                self._refuse(each.split("=")[0])
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print one line and end with status 2."""
        message = re.sub(r"^argument ([\w.-]+)(/-\w)?: ", r"\1: ", message)
        message = message.replace("unrecognized arguments: ", "unknown argument ")
        end = " --help" if message.endswith("?") else "; --help"
        sys.stderr.write(f"error: {message}{end} explains every flag\n")
        raise SystemExit(2)

    def _refuse(self, flag: str) -> NoReturn:
        known = [name for name in self._option_string_actions if name.startswith("--")]
        near = nearest(flag, known)
        self.error(f"unknown flag {flag}" + (f". Did you mean {near}?" if near else ""))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            name = (action.option_strings or [action.dest])[0]
            error = unknown_name(f"unknown {name}", value, map(str, action.choices))
            self.error(error.message)

    def _spelled_out(self, argument: str) -> str:
        # shells leave the ~ in --flag=~/folder alone, and in a list all but the first
        flag, equals, value = argument.partition("=")
        if not argument.startswith("--"):
            flag, equals, value = "", "", argument
        if value == "~" or value.startswith("~/"):
            return flag + equals + ",".join(map(os.path.expanduser, value.split(",")))
        # a bare boolean must not take the next argument for its value
        name = argument.removeprefix("--")
        if argument.startswith("--") and name in self._booleans:
            return f"--{name}=true"
        if argument.startswith("--no") and name.removeprefix("no") in self._booleans:
            return f"--{name.removeprefix('no')}=false"
        return argument


class _Boolean(argparse._StoreAction):
    pass


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=_WIDTH)

    def start_section(self, heading: str | None) -> None:
        super().start_section("flags" if heading == "options" else heading)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if isinstance(action, _Boolean):
            return f"--[no]{action.dest}"
        if action.nargs is None and action.option_strings:
            value = action.metavar or "{" + ",".join(map(str, action.choices or ())) + "}"
            return f"{action.option_strings[0]} {value}"
        if action.nargs == 0:
            return action.option_strings[0]
        return super()._format_action_invocation(action)


def comma_list(text: str) -> list[str]:
    """The entries of a list written with commas."""
    return [entry.strip() for entry in text.split(",")] if text.strip() else []


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not re.fullmatch(r"\d+", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on; received {text!r}")
    return int(text)


def _truth(text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise argparse.ArgumentTypeError(f"expected true or false; received {text!r}")
    return text.lower() in _TRUE


def _level(text: str) -> int:
    if text.lower() in _LEVELS:
        return _LEVELS[text.lower()]
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected one of {', '.join(_LEVELS)}, or -3 to 3; received {text!r}"
        ) from None
