/** `pnpm hub …` as a user has it: one line when it is ready, logs on stderr, nothing left when it ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { leftOf, nothing } from "./leftovers.ts";

const cli = fileURLToPath(new URL("../hub-cli.js", import.meta.resolve("hubscale/machine")));

interface Ready {
  ready: boolean;
  ws: string[];
  http: string[];
  pids: Record<string, number[]>;
}

/** Everything that the programs of a test put into the temporary folder is in here. */
let temporary: string;
beforeAll(() => {
  temporary = mkdtempSync(join(tmpdir(), "hub-cli-test-"));
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

function hub(...args: string[]) {
  const child = spawn(process.execPath, [cli, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: temporary },
  });
  running.push(child);
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const log = text(child.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ready = async () => {
    const line = await lines.next();
    if (line.done) throw new Error(`no ready line\n${await log}`);
    return JSON.parse(line.value) as Ready;
  };
  return { child, ended, log, lines, ready };
}

const pidsOf = (ready: Ready) => ({ pids: Object.values(ready.pids).flat(), folders: [] });

describe("pnpm hub", () => {
  it("starts the single hub, says where it is, drains at SIGTERM", async () => {
    const { child, ended, lines, ready } = hub("single", "--profile", "tuned", "--port", "0");
    const line = await ready();
    expect(Object.keys(line.pids)).toEqual(["hub"]);
    const answer = await fetch(`${line.http[0]}/api/describe`);
    expect(await answer.json()).toMatchObject({ durability: { verified: "fsync" } });
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect((await lines.next()).done).toBe(true);
    expect(await leftOf(pidsOf(line), 0)).toEqual(nothing);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("starts sharded nodes over a Redis of their own; Ctrl-C ends all of it", async () => {
    const { child, ended, ready } = hub("sharded", "--nodes", "2", "--port", "0", "--durability", "process");
    const line = await ready();
    expect(line.ws).toHaveLength(2);
    expect(line.pids).toMatchObject({ hub: [expect.any(Number), expect.any(Number)], redis: [expect.any(Number)] });
    const described = await Promise.all(line.http.map(async (url) => (await fetch(`${url}/api/describe`)).json()));
    expect(described).toMatchObject([{ durability: { verified: "process" } }, { durability: { verified: "process" } }]);
    child.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
    expect(await leftOf(pidsOf(line), 0)).toEqual(nothing);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("leaves nothing when it is killed outright", async () => {
    const { child, ended, ready } = hub("sharded", "--nodes", "2", "--port", "0");
    const line = await ready();
    child.kill("SIGKILL");
    await ended;
    expect(await leftOf({ ...pidsOf(line), folders: readdirSync(temporary).map((name) => join(temporary, name)) })).toEqual(
      nothing,
    );
  });

  it("ends with an error when one of its programs does", async () => {
    const { ended, log, ready } = hub("sharded", "--nodes", "2", "--port", "0");
    const line = await ready();
    process.kill(line.pids["hub"]?.[1] as number, "SIGKILL");
    expect(await ended).toEqual([1, null]);
    expect(await log).toContain("hub node 2 has ended by itself (signal SIGKILL)");
    expect(await leftOf(pidsOf(line), 0)).toEqual(nothing);
  });

  it("keeps the data where it is told to", async () => {
    const data = join(temporary, "kept");
    const { child, ended, ready } = hub("single", "--port", "0", "--data", data);
    await ready();
    child.kill("SIGTERM");
    await ended;
    expect(existsSync(data)).toBe(true);
    rmSync(data, { recursive: true });
  });

  it.each(["redis", "nats"])(
    "keeps a second hub out of the %s folder of the first, until that is gone, killed too",
    async (backbone) => {
      const data = join(temporary, `shared-${backbone}`);
      const start = () => hub("sharded", "--nodes", "1", "--backbone", backbone, "--port", "0", "--data", data);
      const first = start();
      const line = await first.ready();
      const second = start();
      expect(await second.ended).toEqual([1, null]);
      expect(await second.log).toMatch(/the data folder .* is in use by another hub\nhub: next step: stop that one/);
      // The first goes on, and so does a third as soon as it is gone: its servers end a moment after it.
      expect((await fetch(`${line.http[0]}/health`)).status).toBe(200);
      first.child.kill("SIGKILL");
      const third = start();
      await third.ready();
      expect(await leftOf(pidsOf(line), 0)).toEqual(nothing);
      third.child.kill("SIGTERM");
      expect(await third.ended).toEqual([0, null]);
      rmSync(data, { recursive: true });
    },
    // Four starts and ends of programs, on a machine that may be busy.
    180_000,
  );

  it("says which port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const { ended, log } = hub("single", "--port", String(port));
    expect(await ended).toEqual([1, null]);
    expect(await log).toContain(String(port));
    other.close();
    expect(readdirSync(temporary)).toEqual([]);
  });

  it.each([
    [["single", "--fix", "C99"], "'C99' is no fix"],
    [["single", "--profile", "tuned", "--fix", "C1"], "every fix already"],
    [["single", "--profile", "fast"], "reference, tuned"],
    [["single", "--prot", "1"], "Did you mean --port?"],
    [["sharded", "--nodes", "0"], "from 1 to 64"],
    [["sharded", "--port", "70000"], "from 0 to 65535"],
    [["shardet"], "Did you mean sharded?"],
    [["single", "extra"], "too many arguments"],
  ])("refuses %j with exit code 2", async (args, message) => {
    const { ended, log } = hub(...args);
    expect(await ended).toEqual([2, null]);
    expect(await log).toContain(message);
  });
});
