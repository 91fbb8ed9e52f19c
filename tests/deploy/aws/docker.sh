#!/bin/sh
# Stand in for Docker: record each call, and answer `image inspect` with a digest of the tag.
echo "$*${BUILDX_NO_DEFAULT_ATTESTATIONS:+ without attestations}" >> "${DOCKER_LOG:-/dev/null}"
[ "$1" = image ] || exit 0
for last; do :; done
printf '%s@sha256:%s\n' "${last%:*}" "$(printf %s "$last" | sha256sum | cut -c1-64)"
