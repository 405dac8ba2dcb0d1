/**
 * The hub's image over Redis and NATS in containers, which are killed, paused and cut off. Where there is no Docker this says so, and
 * test/hub-sharded does the same to processes; with HUBSCALE_TEST_DOCKER=required it fails instead, with =off it does not look.
 */
import { getContainerRuntimeClient } from "testcontainers";
import { describe, expect, it } from "vitest";
import { backboneFaultCases } from "../hub-sharded/backbone-faults.ts";
import { hubImage, startContainerHub } from "./container-hub.ts";
import { DOCKER_TESTS } from "./docker-tests.ts";
import { imagesFor } from "./images.ts";

const engine = DOCKER_TESTS === "off" ? new Error("HUBSCALE_TEST_DOCKER=off") : await engineThatAnswers();
const isThere = typeof engine === "string";
process.stdout.write(isThere ? `container tests: with ${engine}\n` : `container tests: not run, ${engine.message}\n`);

describe.runIf(DOCKER_TESTS === "required")("Docker", () => {
  it("is there, as was promised", () => {
    expect(engine).toMatch(/^Docker /);
  });
});

describe.runIf(isThere)("in containers,", () => {
  let images: Promise<Parameters<typeof startContainerHub>[1]> | undefined;

  backboneFaultCases("a container", async (kind, care) => {
    images ??= imagesFor(care).then(async (names) => ({ ...names, hub: await hubImage(names) }));
    return startContainerHub(kind, await images);
  });
});

function engineThatAnswers(): Promise<string | Error> {
  return getContainerRuntimeClient().then(
    ({ info }) => `Docker ${info.containerRuntime.serverVersion}`,
    (error: unknown) => error as Error,
  );
}
