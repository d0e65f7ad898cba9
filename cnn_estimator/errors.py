"""The one kind of error that a user can mend."""


class UserError(Exception):
    """A mistake in what the user gave: the message names the value, says what is wrong and what to do.

    The commands print it as one line, `error: ...`, without a traceback.
    """
