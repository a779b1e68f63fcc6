import json
import logging
from collections.abc import Iterator

import pytest

from screensmith.cli._logging import set_up_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    package = logging.getLogger("screensmith")
    before = package.handlers[:], package.level, package.propagate
    yield
    package.handlers[:], package.level, package.propagate = before


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("INFO", "json")
    logger = logging.getLogger("screensmith.train.run")
    logger.info("saved %s\nand more", "é")
    try:
        raise ValueError("lost")
    except ValueError:
        logger.exception("failed")
    saved, failed = map(json.loads, capsys.readouterr().err.splitlines())
    assert (saved["level"], saved["logger"], saved["message"]) == (
        "INFO",
        "screensmith.train.run",
        "saved é\nand more",
    )
    assert "ValueError: lost" in failed["traceback"]


def test_text_keeps_only_what_is_important_enough(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("WARNING", "text")
    set_up_logging("WARNING", "text")
    logging.getLogger("screensmith.data").info("not shown")
    logging.getLogger("screensmith.data").warning("shown once")
    assert capsys.readouterr().err.splitlines()[0].endswith("WARNING shown once")
