/** What a NATS takes at most, and what a hub makes of it: its own limits, or a refusal to start. */
import { LIMITS } from "@hubscale/protocol";
import { conformanceCases, runConformanceCase } from "@hubscale/hub-runtime/testing";
import { systemRandomHex } from "@hubscale/hub-runtime";
import { ProcessCare } from "hubscale/machine";
import { provisionNats, serverSourcesOf } from "hubscale/provisioning";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NodeProcess } from "./node-process.ts";
import { natsForTests } from "./start-nats.ts";

describe("a server with its own max_payload", () => {
  let care: ProcessCare;
  beforeAll(() => {
    care = new ProcessCare({ handleSignals: false });
  });
  afterAll(() => care.close());

  async function startWith(maxPayload: number): Promise<NodeProcess> {
    const request = { care, sources: serverSourcesOf(process.env), durability: "process" } as const;
    const found = await provisionNats({ ...request, extraSettings: [["max_payload:", String(maxPayload)]] });
    if (!found.ok) throw new Error(found.refusal.message);
    const { url, monitorUrl = "" } = found.server;
    const flags = ["--backbone", "nats", "--nats", url, "--nats-monitor", monitorUrl, "--durability", "process"];
    return NodeProcess.start(care, [...flags, "--namespace", `test-${systemRandomHex(4)}`]);
  }

  it("of 512 KiB takes tasks that leave room for the rest of a record", async () => {
    const node = await startWith(524_288);
    const documentBytes = 524_288 - LIMITS.engineRoomBytes - LIMITS.hubRecordBytes - LIMITS.resultBytes;
    const { body } = await node.call("GET", "/api/describe");
    expect(body["details"]).toMatchObject({ document_bytes: documentBytes });
    const token = await node.register("submitter");
    const submit = (bytes: number) =>
      node.call("POST", "/api/tasks", { token, body: { description: "x", metadata: { blob: "x".repeat(bytes) } } });
    expect((await submit(documentBytes - 2_000)).status).toBe(201);
    const refused = await submit(documentBytes);
    expect([refused.status, refused.body]).toEqual([413, { error: "payload_too_large", limit_bytes: documentBytes }]);
    await node.process.stop();
  });

  it("of 256 KiB is too little: the node does not start, and says what to set", async () => {
    await expect(startWith(262_144)).rejects.toThrow(/262144 bytes at most.*needs 393216: set max_payload/);
  });
});

describe("a cluster of three that keeps everything three times", () => {
  const engine = natsForTests("process", 3, 3);
  let node: NodeProcess;
  beforeAll(async () => {
    node = await NodeProcess.start(engine.care, ["--durability", "process", ...engine.flags]);
  });
  afterAll(() => node.process.stop());

  it.each(conformanceCases.filter(({ covers }) => covers.startsWith("sizes")).map((each) => [each.name, each] as const))(
    "%s",
    async (_, each) => {
      const { detail, status } = await runConformanceCase(each, node);
      expect([status, detail]).toEqual(["passed", ""]);
    },
  );
});
