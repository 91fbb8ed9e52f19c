"""Test the headers that CloudFront adds to every answer."""

from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

EDGE = Path(__file__).resolve().parents[2] / "deploy" / "aws" / "edge.yaml"


def test_edge_sends_the_headers_of_browsers_security() -> None:
    resources: Any = load(str(EDGE))["Resources"]
    config = resources["Headers"]["Properties"]["ResponseHeadersPolicyConfig"]
    headers = config["SecurityHeadersConfig"]
    policy = str(headers["ContentSecurityPolicy"])

    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 365 * 24 * 3600
    assert headers["StrictTransportSecurity"]["IncludeSubdomains"] is True
    assert headers["ContentTypeOptions"]["Override"] is True
    assert headers["ContentSecurityPolicy"]["Override"] is False, "that of a service allows nothing"
    assert headers["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    for directive in (
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "manifest-src 'self'",
        "worker-src 'self'",
    ):
        assert directive in policy


def test_edge_sends_them_with_every_behaviour() -> None:
    resources: Any = load(str(EDGE))["Resources"]
    config = resources["Distribution"]["Properties"]["DistributionConfig"]

    for behaviour in (config["DefaultCacheBehavior"], *config["CacheBehaviors"]):
        assert "Headers" in str(behaviour["ResponseHeadersPolicyId"])
