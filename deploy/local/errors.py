"""Define the error of everything under `deploy/local`."""


class DeployError(Exception):
    """Report that the local system could not be installed, deployed, started or kept running.

    The message is one sentence for the person at the terminal, which says what to do next. The
    output of a failed program may follow it.
    """
