/** The tests of the tester that no machine's speed decides: a hub that breaks the rules is found out, however fast it is. */
import { type HubResult, ProcessCare, provisionRedis, serverSourcesOf } from "hubscale";
import { expect, onTestFinished, test } from "vitest";
import { runBench } from "../compare/bench-program.ts";
import { flawedHub, PATIENT, runOn } from "./flawed-hub.ts";

const MINUTES_MS = 180_000;

test.each<[string, Record<string, number>, RegExp]>([
  ["loses tasks", { loseEvery: 20 }, /acknowledged tasks were lost \(for instance task-/],
  ["hands completed tasks out again", { repeatEvery: 20 }, /tasks were completed more than once/],
  ["accepts stale completions", { staleEvery: 5 }, /stale completions were accepted/],
])(
  "2. a hub that %s fails the run, however fast it is",
  async (_, flaws, reason) => {
    const { code, hub } = await runOn(await flawedHub(flaws), "--rate", "60", "--seconds", "2", ...PATIENT);
    expect(hub.invalidReasons.join("\n")).toMatch(reason);
    expect(hub.valid).toBe(false);
    expect(code).toBe(4);
  },
  MINUTES_MS,
);

test(
  "6. a backbone without fsync is refused at --durability fsync, and said why",
  async () => {
    const care = new ProcessCare({ handleSignals: false });
    onTestFinished(() => care.close());
    const provisioned = await provisionRedis({ care, sources: serverSourcesOf(process.env), durability: "process" });
    if (!provisioned.ok) throw new Error(provisioned.refusal.message);
    const flags = ["run", "--hub", "sharded-redis@1", "--rate", "10", "--seconds", "1", "--no-progress"];
    const env = { HUBSCALE_REDIS_URL: provisioned.server.url };
    const refused = await runBench([...flags, "--durability", "fsync"], env);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/gives durability process .*appendfsync everysec.* but fsync is required/);
    expect(refused.stderr).toMatch(/--durability process/);
    const taken = await runBench([...flags, "--durability", "process", "--json"], env);
    expect((JSON.parse(taken.stdout) as { hub: HubResult }).hub.durability.verified).toBe("process");
  },
  MINUTES_MS,
);
