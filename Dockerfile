# What the image is built on. `npm run image:bases` asks the registries for the digests and writes them here, after a `@`;
# a release takes no base without one.
ARG NODE=docker.io/library/node:24.21.0-trixie-slim@sha256:8ec5d7557396cfe32d21c3f9c13072355ceab22b584578ca4bb28af31120cffe
ARG RUNTIME=gcr.io/distroless/cc-debian13:nonroot@sha256:54df941ed0d06a1bd95ef5e0ce391fd8d9f94b64782dc9a60062727849ee3f97

# The bundle is the same for all platforms, so it is made on the builder's own: nothing is emulated.
FROM --platform=$BUILDPLATFORM ${NODE} AS build
WORKDIR /holdfast
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY scripts ./scripts
COPY src ./src
COPY LICENSE ./
# A guard has no use for the embedded cluster, nor for a kubectl plugin. The umask of a checkout must not show.
RUN npm run build \
  && rm dist/embedded-cluster.js dist/sandbox.js dist/kubectl*.js \
  && mkdir /image && mv dist package.json LICENSE /image \
  && chmod -R u=rwX,go=rX /image

# buildah before 1.30 takes the platform of the stage above for all that follow, unless they name theirs.
FROM --platform=$TARGETPLATFORM ${NODE} AS node

# It has the C libraries, certificates of authorities and an account, and neither a shell nor npm.
FROM --platform=$TARGETPLATFORM ${RUNTIME}
LABEL org.opencontainers.image.title="Holdfast" \
  org.opencontainers.image.description="Admission guard for Longhorn on Kubernetes" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.source="https://github.com/holdfast-io/holdfast" \
  org.opencontainers.image.url="https://github.com/holdfast-io/holdfast#readme" \
  org.opencontainers.image.documentation="https://github.com/holdfast-io/holdfast/tree/main/docs" \
  org.opencontainers.image.vendor="The Holdfast project"
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=build /image /holdfast
# With an arena of malloc for each thread, 5 to 10 MiB more stay with the process.
ENV NODE_ENV=production NODE_DISABLE_COMPILE_CACHE=1 MALLOC_ARENA_MAX=1
# By number, so that Kubernetes can see that it is not root. Nothing is written to the file system.
USER 65532:65532
# V8 takes up to 48 MiB for new objects by itself. With less than 2 MiB many count as old, and collecting those costs CPU.
ENTRYPOINT ["/usr/local/bin/node", "--min-semi-space-size=2", "--max-semi-space-size=2", "/holdfast/dist/main.js"]
