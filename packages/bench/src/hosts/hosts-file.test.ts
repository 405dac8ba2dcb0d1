import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadHosts, workersIn } from "./hosts-file.ts";

const dir = mkdtempSync(join(tmpdir(), "hosts-test-"));
afterAll(() => rmSync(dir, { recursive: true }));
writeFileSync(join(dir, "token"), "0123456789abcdef0123\n");
writeFileSync(join(dir, "short"), "secret\n");

function load(...lines: string[]) {
  const file = join(dir, "hosts.yaml");
  writeFileSync(file, `${lines.join("\n")}\n`);
  return loadHosts(file);
}

function problemsOf(...lines: string[]): string {
  const loaded = load(...lines);
  return loaded.ok ? "" : loaded.problems.map((problem) => problem.replace(`${dir}/`, "")).join("\n");
}

describe("a hosts file", () => {
  it("needs no more than the workers that take hub nodes", () => {
    const loaded = load("hub: [a, b]");
    expect(loaded).toMatchObject({
      ok: true,
      hosts: { address: "127.0.0.1", port: 4900, secret: null, hub: ["a", "b"], backbone: null, load: null, waitMs: 60_000 },
    });
  });

  it("names each part's machine, and the token beside it", () => {
    const coordinator = "coordinator: { address: 10.0.0.1, port: 5000, token_file: token }";
    const loaded = load(coordinator, "hub: [a, b]", "backbone: c", "load: coordinator", "wait_s: 5");
    if (!loaded.ok) throw new Error(loaded.problems.join());
    expect(loaded.hosts).toMatchObject({ address: "10.0.0.1", port: 5000, secret: "0123456789abcdef0123", waitMs: 5_000 });
    expect(workersIn(loaded.hosts)).toEqual(["a", "b", "c"]);
  });

  it.each([
    [["backbone: a"], /hosts.yaml:1: hub: is missing/],
    [["hub: []"], /hosts.yaml:1: hub: .*1 item/],
    [["hub: [a]", "hubs: [b]"], /hosts.yaml:2: hubs: unknown field/],
    [["hub: [a]", "coordinator:", "  port: 70000"], /hosts.yaml:3: coordinator.port: .*65535/],
    [["hub: [a]", "coordinator:", "  address: example"], /hosts.yaml:3: coordinator.address: 'example' is no IPv4 address/],
    [["hub: [a]", "coordinator:", "  address: 0.0.0.0"], /hosts.yaml:3: coordinator.address: '0.0.0.0' is no IPv4 address/],
    [
      ["hub: [a]", "coordinator:", "  address: 10.0.0.1"],
      /hosts.yaml:3: .*open to other machines, so token_file is needed; .*openssl/,
    ],
    [["hub: [a]", "coordinator:", "  token_file: nowhere"], /hosts.yaml:3: coordinator.token_file: cannot read/],
    [["hub: [a]", "coordinator:", "  token_file: short"], /hosts.yaml:3: .*holds no token \(16 to 256/],
    [["hub:", "  - a", "  - a b"], /hosts.yaml:3: hub.1: 'a b': a worker's name is 1 to 32/],
    [["hub:", "  - a", "  - a"], /hosts.yaml:3: hub.1: 'a' is named twice/],
    [["hub: [coordinator]"], /hosts.yaml:1: hub.0: hub nodes run on workers/],
    [["hub: [a]", "load: [a, b]"], /hosts.yaml:2: load: /],
    [["hub: [a]", "wait_s: 0"], /hosts.yaml:2: wait_s: /],
  ])("that says %j is refused with its line", (lines, problem) => {
    expect(problemsOf(...lines)).toMatch(problem);
  });

  it("that is not there is refused by its name", () => {
    expect(loadHosts(join(dir, "none.yaml"))).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/cannot read the hosts file/)],
    });
  });
});
