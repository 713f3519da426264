# Exact, so that two builds of one commit are alike; your registry's digest may be added: 24.x.y-bookworm-slim@sha256:…
ARG NODE=24.21.0-bookworm-slim

FROM node:${NODE} AS build
WORKDIR /holdfast
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY scripts ./scripts
COPY src ./src
# A guard has no use for the embedded cluster, nor for a kubectl plugin.
RUN npm run build && rm dist/embedded-cluster.js dist/sandbox.js dist/kubectl*.js

FROM node:${NODE}
ENV NODE_ENV=production
COPY package.json LICENSE /holdfast/
COPY --from=build /holdfast/dist /holdfast/dist
# By number, so that Kubernetes can see that it is not root. Nothing is written to the file system.
USER 65532:65532
ENTRYPOINT ["node", "/holdfast/dist/main.js"]
