import {
  REGISTER_AGENT,
  REGISTER_ENDPOINT,
  ROOM_MESSAGE,
  SIDECAR_FRAMES,
  type SidecarFrameType,
  SUBMIT_TASK,
} from "@hubscale/protocol";
import type { FastifyInstance } from "fastify";
import type { Backplane } from "./ports.ts";
import type { PrometheusMetrics } from "./prometheus.ts";

export interface HubRoutesOptions {
  backplane: Backplane;
  knownFrames: readonly SidecarFrameType[];
  /** For `GET /api/metrics`. */
  metrics(): Promise<Record<string, unknown>>;
  prometheus: PrometheusMetrics;
}

/** 503 while draining: a load balancer then sends nobody else here. */
export function addHealthRoute(app: FastifyInstance, { node, isDraining }: { node: string; isDraining(): boolean }): void {
  app.get("/health", async (_request, reply) =>
    isDraining() ? reply.code(503).send({ status: "draining", node }) : { status: "ok", node },
  );
}

/** What the hub says of itself, to everybody. */
export function addHubRoutes(app: FastifyInstance, options: HubRoutesOptions): void {
  const { backplane, metrics, prometheus } = options;
  const schemas = {
    websocket: Object.fromEntries(options.knownFrames.map((type) => [type, SIDECAR_FRAMES[type]])),
    http: {
      "POST /api/onboard/register": REGISTER_AGENT,
      "POST /api/tasks": SUBMIT_TASK,
      "POST /api/room/message": ROOM_MESSAGE,
      "POST /api/admin/llm-registry": REGISTER_ENDPOINT,
    },
  };

  app.get("/api/describe", () => backplane.describe());
  app.get("/api/schemas", async () => schemas);
  app.get("/api/metrics", () => metrics());
  app.get("/metrics", async (_request, reply) => reply.type(prometheus.contentType).send(await prometheus.text()));
}
