"""Entry of `python -m recorder_core`.

`serve` starts as a supervisor, which stays small: it is decided here, before anything else is imported.
"""

import sys


def main() -> int:
    """Run the command line and return its exit code, see `recorder_core.cli.exit_codes`."""
    if sys.argv[1:2] == ["serve"] and not {"-h", "--help", "--worker"} & set(sys.argv):
        from .cli.supervisor import supervise  # noqa: PLC0415  # the worker and all other commands need no supervisor

        return supervise()
    from .cli.main import run  # noqa: PLC0415  # it would cost the supervisor several megabytes

    return run()


if __name__ == "__main__":
    sys.exit(main())
