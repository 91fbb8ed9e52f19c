"""Define the error that deployments raise, on this machine and on AWS."""


class DeployError(Exception):
    """Report that the system could not be installed, deployed, started or kept running.

    The message is one sentence for the person at the terminal, which says what to do next. The
    output of a failed program may follow it.
    """
