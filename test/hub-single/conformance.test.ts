/** The shared conformance suite against the single hub, over its real wire. */
import { conformanceCases, runConformanceCase } from "@hubscale/hub-runtime/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HubProcess, type TemporaryFolder, temporaryFolder } from "./hub-process.ts";

describe.each([
  ["reference", ["--profile", "reference"]],
  ["tuned", ["--profile", "tuned"]],
])("single-%s", (_, flags) => {
  let folder: TemporaryFolder;
  let hub: HubProcess;

  beforeAll(async () => {
    folder = await temporaryFolder();
    hub = await HubProcess.ready(["--data", folder.path, ...flags]);
  });

  afterAll(async () => {
    await hub.kill("SIGTERM");
    await folder.remove();
  });

  it.each(conformanceCases.map((each) => [each.name, each] as const))("%s", async (_name, each) => {
    const { status, detail } = await runConformanceCase(each, hub);
    expect({ status, detail }).not.toMatchObject({ status: "failed" });
  });
});
