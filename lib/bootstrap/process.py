"""
The objects of a function's process. Handlers import them from here, the command does not.

boto3 is imported when this module is, and not by the first call: on Lambda the code of the init
phase runs faster than that of an invocation.
"""

import os
from functools import cache

import boto3

from lib.bootstrap.app import App
from lib.bootstrap.settings import Settings
from lib.observability import logger


def app() -> App:
    """Return the objects of this process, with the configuration in force now."""
    application = objects()
    application.refresh_config()
    return application


@cache
def objects() -> App:
    """
    Make the objects of this process.

    Logs the version of boto3 once. An older version drops fields that it does not know.
    """
    logger.info("started", boto3=boto3.__version__)
    return App(Settings(os.environ))
