"""Errors a user can meet. Each message says what was expected, what came, and what to do."""

NOT_TRUSTED_EXIT_CODE = 8  # the results are there, their verdict is one of --fail-on
UNEXPECTED_EXIT_CODE = 70  # of any other exception; EX_SOFTWARE of sysexits.h
READER_GONE_EXIT_CODE = 141  # nobody reads the output; what a shell shows for SIGPIPE (128 + 13)


class UniFuseError(Exception):
    """A sentence for the user; `exit_code` is what the command line returns."""

    exit_code = 1


class InputError(UniFuseError):
    """A volume that is missing, unreadable, of the wrong kind, or without usable content."""

    exit_code = 3


class OutputError(UniFuseError):
    """An output folder that is in use, not writable, or full."""

    exit_code = 4


class WeightsError(UniFuseError):
    """Weights or their contract are missing, corrupted, or of another architecture."""

    exit_code = 5


class DeviceError(UniFuseError):
    """A compute device that does not exist or ran out of memory."""

    exit_code = 6


class MissingDependencyError(UniFuseError):
    """An optional package that this command needs is not installed."""

    exit_code = 7


class CasesFailedError(UniFuseError):
    """A batch went through, but some of its cases failed; each has its sentence in the summary."""

    exit_code = 9


class Cancelled(UniFuseError):  # noqa: N818  a wish, not a fault
    """The user (Ctrl-C, the panel, a callback) asked to stop; nothing was written."""

    exit_code = 130
