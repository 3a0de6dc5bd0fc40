"""The one error that a user may see: a single line that says what is wrong and what to do."""


class YardstickError(Exception):
    """A mistake or a circumstance that the user can mend.

    The message is one line that names the file or thing, the field, and the remedy. Scripts print it without a
    traceback and exit with status 1.
    """
