"""Run one test suite per port on every backend: memory, moto, LocalStack, and AWS when asked.

A test knows its port and the helpers of `Backend`, but not the backend that it runs on. All
backends but memory share one code path and one template; they differ by their endpoint only.

What the emulators do not do is tested elsewhere, or worked around:

- Time: clocks are injected into table and inbox, so leases and expiry need no waiting. SQS has a
  clock of its own; there visibility is a second and the test waits.
- TTL never deletes in moto: `test_inbox_bodies.py` uses the record that DynamoDB would write.
- Signature, expiry and signed length of a presigned URL: `tests/core/test_signed_urls.py` checks
  the URL itself, and `test_presigned_url_verification.py` verifies it in a proxy.
- SNS and SQS neither repeat nor reorder: handlers are tested with repeated and shuffled events.
- A multipart upload that is completed twice: the contract allows either answer, and the test
  accepts both.
- A lost reply, an answer that breaks off: `tests/core/test_lost_replies.py` has a proxy for them.
- Races: moto checks a condition and writes in two steps, so its DynamoDB gets one request at a
  time.
- `MOTO_LACKS` (`aws.py`) names what else moto does not do; tests that need it are skipped there and
  run on LocalStack.
- LocalStack's transactions take ten items, DynamoDB's a hundred: an upload with its eight
  conversions has nine.
"""
