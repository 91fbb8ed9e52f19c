"""Test statuses and phases of another version of the service."""

import json
from copy import deepcopy

import msgspec
import pytest

from libs.core.domain.conversions import ConversionStatus, Phase
from libs.core.domain.progress import progress_of
from libs.core.domain.uploads import UploadStatus
from tests.fakes import a_conversion, an_upload


@pytest.mark.parametrize("kind", [ConversionStatus, Phase, UploadStatus])
def test_a_known_value_is_the_member(kind: type[Phase]) -> None:
    for member in kind:
        assert kind.of(member.value) is member
        assert member.is_known


@pytest.mark.parametrize("kind", [ConversionStatus, Phase, UploadStatus])
def test_an_unknown_value_equals_its_text_and_no_member(kind: type[Phase]) -> None:
    unknown = kind.of("paused")

    assert unknown == "paused"
    assert unknown not in list(kind)
    assert not unknown.is_known
    assert {unknown, kind.of("paused")} == {"paused"}
    assert json.dumps(unknown) == '"paused"'
    assert msgspec.json.encode(unknown) == b'"paused"'
    assert f"{deepcopy(unknown)}" == "paused"


def test_an_unknown_value_is_no_member_for_others() -> None:
    Phase.of("paused")

    with pytest.raises(ValueError, match="paused"):
        Phase("paused")


def test_an_unknown_status_is_not_terminal() -> None:
    assert not ConversionStatus.of("paused").is_terminal
    assert not UploadStatus.of("paused").is_terminal


def test_phases_never_go_back_to_an_unknown_one() -> None:
    ranks = [phase.rank for phase in Phase]

    assert ranks == sorted(ranks)
    assert Phase.of("tuning").rank < Phase.WAITING.rank


def test_progress_shows_unknown_values_as_they_are() -> None:
    upload = an_upload(status=UploadStatus.of("paused"))
    conversion = a_conversion(
        upload, status=ConversionStatus.of("paused"), phase=Phase.of("tuning")
    )

    assert (progress_of(upload).status, progress_of(upload).terminal) == ("paused", False)
    progress = progress_of(conversion)
    assert (progress.status, progress.phase, progress.terminal) == ("paused", "tuning", False)
