# The hub: `--target sharded` (the default) is one node over Redis or NATS, `--target single` the single hub over LevelDB.
# The base image can be named, for registries that mirror it.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
ENV CI=true COREPACK_ENABLE_DOWNLOAD_PROMPT=0
RUN corepack enable
COPY package.json pnpm-workspace.yaml pnpm-lock.yaml tsconfig.base.json ./
COPY packages packages
RUN pnpm install --frozen-lockfile --filter hubscale-workspace --filter "@hubscale/hub-sharded..." --filter "@hubscale/hub-single..." \
 && pnpm exec tsc -b packages/hub-sharded packages/hub-single

# Each program with what it needs at run time and nothing else: no compiler, no tests, no bench.
FROM build AS single-files
RUN pnpm --filter @hubscale/hub-single --prod --config.inject-workspace-packages=true deploy /hub

FROM build AS sharded-files
RUN pnpm --filter @hubscale/hub-sharded --prod --config.inject-workspace-packages=true deploy /hub

FROM ${NODE_IMAGE} AS run
# Not root, and nothing that it could write to but its data.
RUN mkdir /data && chown node:node /data
USER node
ENV NODE_ENV=production
EXPOSE 4000
# `/health` says 503 while the node drains, which must not get it killed: any answer is a sign of life.
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:4000/health').then(() => process.exit(0), () => process.exit(1))"]

FROM run AS single
COPY --from=single-files /hub /hub
VOLUME /data
ENTRYPOINT ["node", "/hub/dist/main.js", "--host", "0.0.0.0", "--port", "4000", "--data", "/data"]

FROM run AS sharded
COPY --from=sharded-files /hub /hub
ENTRYPOINT ["node", "/hub/dist/node-main.js", "--host", "0.0.0.0", "--port", "4000"]
