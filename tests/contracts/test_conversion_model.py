"""Compare a conversion with a small model, over random sequences of calls (Hypothesis)."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from libs.core.domain.conversions import Conversion, ConversionStatus, LossMeaning, Phase
from libs.core.domain.uploads import Failure
from libs.core.errors import ConversionFinished, ConversionNotFound, LeaseLost
from libs.core.ports.leases import ProgressReport
from tests.contracts.backend import Backend
from tests.fakes import a_conversion, an_output, an_upload

LEASE = 30.0
PHASES = [Phase.PROBING, Phase.CONVERTING, Phase.STORING]
workers = st.sampled_from(["first", "second"])


class ConversionModel(RuleBasedStateMachine):
    """Model a conversion: who holds it, and how it ended.

    `claims` are all claims that were ever returned, those of zombies included.
    """

    backend: Backend

    @initialize(uploaded=st.booleans())
    def begin(self, uploaded: bool) -> None:
        upload = an_upload(now=self.backend.clock(), expires_at=int(self.backend.clock()) + 10**7)
        self.backend.uploads.create(upload, [])
        if uploaded:
            self.backend.uploads.mark_uploaded(upload.id)
        self.created = self.backend.conversions.create(a_conversion(upload), upload)
        self.claims: list[Conversion] = []
        self.holder: Conversion | None = None
        self.suspect, self.loss_meaning = False, ""
        self.state: str = "queued" if uploaded else "waiting"
        self.seen = self.created

    @rule()
    def arrive(self) -> None:
        self.backend.uploads.mark_uploaded(self.created.upload_id)
        self.backend.conversions.queue(self.created.id)
        if self.state == "waiting":
            self.state = "queued"

    @rule(seconds=st.sampled_from([1.0, LEASE]))
    def wait(self, seconds: float) -> None:
        self.backend.clock.advance(seconds)

    @rule(worker=workers, unchanged=st.booleans(), alone=st.booleans())
    def claim(self, worker: str, unchanged: bool, alone: bool) -> None:
        observed = self.backend.conversions.get(self.created.id).version - (not unchanged)
        free = self.state == "queued" or (self.state == "converting" and unchanged)
        allowed = alone or not self._must_run_alone()
        claimed = self.backend.leases.claim(self.created.id, worker, LEASE, observed, alone=alone)
        assert (claimed is not None) == (free and allowed)
        if claimed:
            self.suspect |= self.state == "converting" and self.loss_meaning != "leaving"
            self.loss_meaning = "alone" if alone else "shared"
            assert claimed.attempts == len(self.claims) + 1
            self.claims.append(claimed)
            self._hold(claimed)

    @rule(which=st.integers(0, 9), phase=st.sampled_from(PHASES), percent=st.integers(0, 100))
    def report(self, which: int, phase: Phase, percent: int) -> None:
        claim = self._claim(which)
        if claim:
            report = ProgressReport(phase, float(percent))
            self._write(claim, self.backend.leases.report, report, LEASE)

    @rule(which=st.integers(0, 9), loss_meaning=st.sampled_from(LossMeaning))
    def set_loss_meaning(self, which: int, loss_meaning: LossMeaning) -> None:
        claim = self._claim(which)
        if claim and self._write(claim, self.backend.leases.set_loss_meaning, loss_meaning):
            self.loss_meaning = loss_meaning

    @rule(which=st.integers(0, 9))
    def publish(self, which: int) -> None:
        claim = self._claim(which)
        if claim and self._write(claim, self.backend.leases.publish, an_output(claim), ()):
            self._end("completed")

    @rule(which=st.integers(0, 9))
    def fail(self, which: int) -> None:
        claim = self._claim(which)
        if claim and self._write(claim, self.backend.leases.fail, Failure("corrupt", "Damaged.")):
            self._end("failed")

    @rule(which=st.integers(0, 9))
    def release(self, which: int) -> None:
        claim = self._claim(which)
        if claim and self._write(claim, self.backend.leases.release):
            self.holder, self.state = None, "queued"

    @rule()
    def cancel(self) -> None:
        try:
            self.backend.conversions.cancel(self.created.id, self.created.owner)
        except ConversionFinished:
            assert self.state in ("completed", "failed")
        else:
            assert self.state not in ("completed", "failed")
            self._end("cancelled")

    @invariant()
    def the_item_agrees_with_the_model(self) -> None:
        now = self.backend.conversions.get(self.created.id)
        assert now.status == ("queued" if self.state == "waiting" else self.state)
        assert (now.phase is Phase.WAITING) == (self.state == "waiting")
        assert now.worker == (self.holder.worker if self.holder else None)
        assert (now.output is not None) == (now.status is ConversionStatus.COMPLETED)

    @invariant()
    def it_is_suspect_after_a_loss_that_no_deployment_explains(self) -> None:
        now = self.backend.conversions.get(self.created.id)
        assert now.suspect == self.suspect
        assert now.yielded <= now.unblamed_count <= now.attempts

    @invariant()
    def nothing_decreases(self) -> None:
        now = self.backend.conversions.get(self.created.id)
        assert now.percent >= self.seen.percent
        assert now.attempts >= self.seen.attempts
        assert (
            (now == self.seen)
            if now.version == self.seen.version
            else (now.version > self.seen.version)
        )
        if now.attempts == self.seen.attempts and now.status is self.seen.status:
            assert list(Phase).index(now.phase) >= list(Phase).index(self.seen.phase)
        if self.seen.status.is_terminal:
            assert now == self.seen
        self.seen = now

    def teardown(self) -> None:
        with suppress(ConversionNotFound, AttributeError):
            self.backend.conversions.remove(self.created.id, self.created.owner)

    def _must_run_alone(self) -> bool:
        return self.suspect or (self.state == "converting" and self.loss_meaning != "leaving")

    def _claim(self, which: int) -> Conversion | None:
        return self.claims[which % len(self.claims)] if self.claims else None

    def _write(self, claim: Conversion, write: Any, *args: Any) -> bool:
        """Return True if the write changed the item.

        It must, exactly if the claim is the holder's.
        """
        before = self.backend.conversions.get(self.created.id)
        try:
            write(claim, *args)
        except LeaseLost:
            assert claim != self.holder
            return False
        changed = self.backend.conversions.get(self.created.id).version > before.version
        assert changed == (claim == self.holder)
        return changed

    def _hold(self, claim: Conversion) -> None:
        self.holder, self.state = claim, "converting"

    def _end(self, state: str) -> None:
        self.holder, self.state = None, state


EXAMPLES = {"memory": 200, "moto": 6, "localstack": 3, "aws": 3}
"""Sequences per backend: on a server, each step costs a round trip."""


def test_every_sequence_of_calls_agrees_with_the_model(
    backend: Backend, request: pytest.FixtureRequest
) -> None:
    examples = EXAMPLES[request.node.callspec.params["backend"]]
    machine = type("OnBackend", (ConversionModel,), {"backend": backend})
    kind = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )

    run_state_machine_as_test(machine, settings=kind)
