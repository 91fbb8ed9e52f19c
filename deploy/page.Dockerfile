# The page, and nginx as the gateway to the services:
#   docker build -f deploy/page.Dockerfile -t tinypixo/gateway .

FROM node:20-slim AS page
WORKDIR /page
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --silent --no-audit --no-fund
COPY frontend/ ./
RUN npm run --silent build

FROM nginx:stable
COPY deploy/nginx.conf /etc/nginx/tinypixo.conf
COPY --from=page /page/dist /usr/share/nginx/tinypixo
# The origin of presigned URLs, as browsers know it. The page may connect to it.
ENV BUCKET_ORIGIN=http://localhost:4566
# Addresses or networks of proxies before this one, separated by spaces. X-Forwarded-For is taken from
# them, and from nobody else.
ENV TRUSTED_PROXIES=
# Names and addresses by which browsers reach the page, separated by spaces. All others are answered
# 421. Without HOSTS every name is answered, which is right where only a proxy can connect.
ENV HOSTS=
EXPOSE 8080
USER 10001:10001
STOPSIGNAL SIGQUIT
# Only /tmp is writable, so the configuration is completed there.
ENTRYPOINT ["sh", "-c", "\
    sed \"s|@BUCKET_ORIGIN@|$BUCKET_ORIGIN|g\" /etc/nginx/tinypixo.conf >/tmp/nginx.conf \
    && for proxy in $TRUSTED_PROXIES; do echo \"set_real_ip_from $proxy;\"; done >/tmp/proxies.conf \
    && { [ -z \"$HOSTS\" ] || echo \"default 1;\"; \
        for host in $HOSTS; do echo \"$host 0;\"; done; } >/tmp/hosts.conf \
    && exec nginx -e stderr -c /tmp/nginx.conf"]
