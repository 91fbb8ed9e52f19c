"""One suite per port, run on every backend: memory, moto, LocalStack and, when asked, AWS.

A test knows its port and the `Backend`'s helpers, never which backend it runs on. All but memory share one code path
and one template; they differ by their endpoint only.

What the emulators cannot show, and where it is shown instead:

- Time: clocks are injected into table and inbox, so leases and expiry need no waiting. SQS has a clock of its own; there
  visibility is a second and the test waits.
- TTL never deletes in moto: `test_inbox_bodies.py` feeds the record that DynamoDB would write.
- Signature, expiry and signed length of a presigned URL: `tests/core/test_signed_urls.py` looks at the URL itself; whether
  a store refuses what does not fit only AWS can say.
- Duplicates and reordering by SNS and SQS do not occur: handlers are tested with repeated and shuffled events.
- A multipart upload that is completed twice: the contract lets a store say either, and the test accepts both.
- A lost reply, an answer that breaks off: `tests/core/test_lost_replies.py` has a proxy that does it.
- Races: moto checks a condition and writes in two steps, so its DynamoDB is asked one request at a time.
- What moto lacks besides is in `MOTO_LACKS` (`aws.py`); tests that need it are skipped there and run on LocalStack.
- LocalStack's transactions take ten items, DynamoDB's a hundred: an upload with its eight conversions has nine.
"""
