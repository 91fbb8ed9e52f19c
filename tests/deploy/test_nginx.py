"""Test that nginx.conf agrees with the gateway of the embedded stack."""

import json
import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from deploy.local.containers import COMPOSE_FILE
from deploy.local.gateway.app import PREFIXES, service_of
from deploy.local.gateway.middleware import security_headers
from libs.core.errors import title_of
from libs.core.web.concurrency import AT_ONCE, MAX_BODIES
from services.progress.settings import ProgressSettings

CONFIGURATION_FILE = Path(__file__).resolve().parents[2] / "deploy" / "nginx.conf"
CONFIGURATION = CONFIGURATION_FILE.read_text("utf-8")
LOCATIONS = re.findall(r"location ~ (\S+) \{[^}]*set \$service http://(\w+):8000;", CONFIGURATION)
"""(pattern, service) in the order in which nginx tries them."""

PARTS = "/api/uploads/upl_1/parts/12"


def routed(path: str) -> str | None:
    return next((service for pattern, service in LOCATIONS if re.search(pattern, path)), None)


def test_nginx_answers_with_the_titles_of_the_services() -> None:
    problems = [json.loads(each) for each in re.findall(r"return \d{3} '(\{.*\})'", CONFIGURATION)]

    assert len(problems) > 3
    assert [each["title"] for each in problems] == [title_of(each["code"]) for each in problems]


def test_containers_answer_no_host_name_of_another_site() -> None:
    """tests/localstack/test_nginx.py asks an nginx; this is what each of its parts says."""
    gateway = yaml.safe_load(COMPOSE_FILE.read_text("utf-8"))["services"]["gateway"]
    start = (CONFIGURATION_FILE.parent / "page.Dockerfile").read_text("utf-8")

    assert gateway["environment"]["HOSTS"] == "localhost 127.0.0.1"
    assert "default 1;" in start[start.index("ENTRYPOINT") :]
    assert re.search(r"map \$host \$is_foreign \{[^}]*include /tmp/hosts.conf;", CONFIGURATION)
    assert re.search(r"if \(\$is_foreign\) \{\s*return 421;", CONFIGURATION)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_nginx_routes_each_path_as_the_gateway_does(prefix: str) -> None:
    assert routed(prefix) == routed(f"{prefix}/x") == routed(f"{prefix}/x/y") == service_of(prefix)


@pytest.mark.parametrize(
    "path", ["/", "/sweep", "/healthy", "/api/janitor", "/api/uploadsx", "/x/api/uploads", "/api/"]
)
def test_other_paths_are_not_routed_to_a_service(path: str) -> None:
    assert routed(path) is service_of(path) is None


@pytest.mark.parametrize("path", [PARTS, "/api/uploads/tus", "/api/uploads/tus/upl_1"])
def test_parts_may_be_as_large_as_those_of_s3(path: str) -> None:
    pattern, body = next(
        (pattern, body)
        for pattern, body in re.findall(r"location ~ (\S+) \{([^}]*)\}", CONFIGURATION)
        if re.search(pattern, path)
    )
    assert pattern
    assert "client_max_body_size 5g;" in body


@pytest.mark.parametrize(
    "path",
    [
        "/api/uploads",
        "/api/uploads/upl_1/parts/sign",
        "/api/uploads/upl_1/complete",
        "/api/uploads/tusk",
    ],
)
def test_json_requests_keep_the_small_body_limit(path: str) -> None:
    body = next(
        body
        for pattern, body in re.findall(r"location ~ (\S+) \{([^}]*)\}", CONFIGURATION)
        if re.search(pattern, path)
    )
    assert "client_max_body_size" not in body


def test_no_body_waits_in_the_memory_of_nginx() -> None:
    assert re.findall(r"proxy_request_buffering \w+;", CONFIGURATION) == [
        "proxy_request_buffering off;"
    ]


def test_no_response_waits_in_the_memory_of_nginx() -> None:
    """The services disconnect clients that do not read; `/tmp` of the container is memory."""
    assert "    proxy_max_temp_file_size 0;" in CONFIGURATION


def test_an_address_gets_all_that_services_allow_and_leaves_connections_to_others() -> None:
    found = re.search(r"\n    limit_conn addresses (\d+);", CONFIGURATION)
    available = re.search(r"worker_connections (\d+);", CONFIGURATION)
    assert found
    assert available
    streams: int = ProgressSettings.model_fields["streams_per_address"].default

    assert streams + MAX_BODIES + AT_ONCE < int(found[1])
    assert 2 * int(found[1]) < int(available[1])  # a request that is passed on takes two


def test_an_address_may_not_send_more_requests_than_a_service_handles() -> None:
    """Those whose client is gone count for limit_conn no more: 2,000 a second stopped a service."""
    assert "limit_req_zone $client zone=rates:10m rate=200r/s;" in CONFIGURATION
    assert "\n    limit_req zone=rates burst=1000 nodelay;" in CONFIGURATION
    assert "limit_req_status 429;" in CONFIGURATION


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("2001:db8:0:1:aaaa:bbbb:cccc:dddd", "2001:db8:0:1"),
        ("2001:db8:0:1::7", "2001:db8:0:1"),
        ("2001:db8:1:2:3::", "2001:db8:1:2"),
        ("2001:db8::7", "2001:db8::"),
        ("2001:db8:1::", "2001:db8:1::"),
        ("::1", "::"),
    ],
)
def test_an_address_by_ipv6_is_a_network_of_64_bits(address: str, counted_as: str) -> None:
    body = CONFIGURATION.partition("map $remote_addr $client {")[2].partition("}\n    limit")[0]
    for pattern, key in re.findall(r'^ +"~\*?(\S+)" +"?([^";]+)"?;$', body, re.M):
        if found := re.search(pattern.replace("(?<", "(?P<"), address):
            network = found.groupdict().get("network", "")
            assert key.replace("$network", network).replace("$remote_addr", address) == counted_as
            return
    assert counted_as == address


def number_of(directive: str) -> int:
    found = re.search(rf"\b{directive} (\d+)k?;", CONFIGURATION)
    assert found, directive
    return int(found[1])


def test_connections_of_an_address_without_requests_fill_neither_connections_nor_memory() -> None:
    """Nginx counts only those whose headers are complete."""
    ports = 65_535
    of_connection = 29_000  # measured: an unfinished HEADERS frame of HTTP/2, nginx 1.26
    assert "large_client_header_buffers 2 4k;" in CONFIGURATION
    allocated = number_of("worker_processes") * number_of("worker_connections") * 448
    limit = yaml.safe_load(COMPOSE_FILE.read_text("utf-8"))["services"]["gateway"]["mem_limit"]

    assert number_of("worker_connections") > ports + 2 * number_of("limit_conn addresses")
    assert allocated + ports * of_connection < int(limit.removesuffix("m")) * 1024**2


def test_event_stream_timeout_exceeds_the_services_own_limit() -> None:
    body = next(
        body
        for pattern, body in re.findall(r"location ~ (\S+) \{([^}]*)\}", CONFIGURATION)
        if re.search(pattern, "/api/progress")
    )
    found = re.search(r"proxy_read_timeout (\d+)s;", body)
    assert found
    assert int(found[1]) > 110
    assert "proxy_buffering off;" in body


def test_nginx_takes_http2_beside_http1() -> None:
    server = CONFIGURATION[CONFIGURATION.index("    server {") :]
    assert re.search(r"^ +http2 on;$", server, re.M)


def test_nginx_sends_the_security_headers_of_the_gateway() -> None:
    found = {
        name: value.strip('"')
        for name, value in re.findall(r'add_header (\S+) (".*?"|\S+) always;', CONFIGURATION)
    }
    found["Content-Security-Policy"] = policies()[""]
    assert security_headers("@BUCKET_ORIGIN@").items() <= found.items()


def policies() -> dict[str, str]:
    """Return what nginx sends, by the policy of the service that answers."""
    found = re.search(r"\$content_security_policy \{\n(.*?)\n    \}", CONFIGURATION, re.S)
    assert found
    lines = (line.strip().rstrip(";").split(maxsplit=1) for line in found[1].splitlines())
    return {name.strip('"'): value.strip('"') for name, value in lines}


def test_nginx_keeps_the_policy_of_a_service() -> None:
    """It allows nothing; that of the page allows the page's own scripts."""
    assert policies()["default"] == "$upstream_http_content_security_policy"


def test_nginx_knows_the_type_of_the_manifest() -> None:
    assert "types { application/manifest+json webmanifest; }" in CONFIGURATION


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("|200 /assets/index-1.js", "public, max-age=31536000, immutable"),
        ("|304 /assets/index-1.js", "public, max-age=31536000, immutable"),
        ("|404 /assets/index-1.js", "no-store"),
        ("|429 /assets/index-1.js", "no-store"),
        ("|200 /sw.js", "no-cache"),
        ("|200 /manifest.webmanifest", "no-cache"),
        ("|200 /index.html", "no-cache"),
        ("|404 /nothing", "no-store"),
        ("|503 /api/uploads", "no-store"),
        ("no-store|200 /api/uploads", ""),
    ],
)
def test_nginx_lets_only_what_exists_be_kept(answer: str, expected: str) -> None:
    """A refused asset was kept for a year: the page was broken for whoever came too early."""
    rules = re.search(
        r'map "\$upstream_http_cache_control\|\$status \$uri" \$cache_control \{\n(.*?)\n    \}',
        CONFIGURATION,
        re.S,
    )
    assert rules
    found = re.findall(r'^ *(?:"~(.*?)"|~(\S+)|default) +"(.*?)";$', rules[1], re.M)
    assert len(found) == 4
    values = (value for *patterns, value in found if re.search("".join(patterns), answer))
    assert next(values) == expected
