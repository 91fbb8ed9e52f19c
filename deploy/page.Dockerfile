# The page, and nginx as the gateway in front of the services:  docker build -f deploy/page.Dockerfile -t tinypixo/gateway .

FROM node:20-slim AS page
WORKDIR /page
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --silent --no-audit --no-fund
COPY frontend/ ./
RUN npm run --silent build

FROM nginx:stable
COPY deploy/nginx.conf /etc/nginx/tinypixo.conf
COPY --from=page /page/dist /usr/share/nginx/tinypixo
# The origin that presigned URLs point to, as the browser knows it: the page may speak to it, and to nobody else.
ENV MEDIA_ORIGIN=http://localhost:4566
EXPOSE 8080
USER 10001:10001
STOPSIGNAL SIGQUIT
# Only /tmp can be written where it runs, so its configuration is completed there.
ENTRYPOINT ["sh", "-c", "sed \"s|@MEDIA_ORIGIN@|$MEDIA_ORIGIN|g\" /etc/nginx/tinypixo.conf >/tmp/nginx.conf && exec nginx -e stderr -c /tmp/nginx.conf"]
