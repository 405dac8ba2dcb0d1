import { checkerOf, REGISTER_ENDPOINT } from "@hubscale/protocol";
import type { FastifyInstance } from "fastify";
import type { EndpointRegistry } from "./endpoint-registry.ts";
import { invalid } from "./http-app.ts";

interface RegisterEndpointBody {
  host: string;
  port?: number;
  name?: string | null;
}

/** The registry of LLM endpoints. All want a token. */
export function addEndpointRoutes(app: FastifyInstance, endpoints: EndpointRegistry): void {
  const check = checkerOf<RegisterEndpointBody>(REGISTER_ENDPOINT);

  app.get("/api/admin/llm-registry", async () => ({ endpoints: endpoints.list(), count: endpoints.list().length }));

  app.get<{ Params: { id: string } }>("/api/admin/llm-registry/:id", async (request, reply) => {
    const { id } = request.params;
    return endpoints.get(id) ?? reply.code(404).send({ error: "endpoint_not_found", id });
  });

  app.post("/api/admin/llm-registry", async (request, reply) => {
    const body = check(request.body ?? {});
    if (!body.ok) return invalid(reply, body.errors);
    const { port = 11_434, name } = body.value;
    const registered = await endpoints.register({ ...body.value, name, port, source: "admin" });
    if (registered.ok) return reply.code(201).send(registered.endpoint);
    return invalid(reply, [{ field: "host", error: "invalid_value", detail: registered.detail }]);
  });

  app.delete<{ Params: { id: string } }>("/api/admin/llm-registry/:id", async (request, reply) => {
    const { id } = request.params;
    if (!(await endpoints.remove(id))) return reply.code(404).send({ error: "endpoint_not_found", id });
    return { status: "removed", id };
  });
}
