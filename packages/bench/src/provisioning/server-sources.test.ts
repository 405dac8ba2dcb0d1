import { expect, it } from "vitest";
import { SERVER_ORIGINS, serverSourcesOf } from "./server-sources.ts";

it("takes servers from the origins that are named, in their order, and from all by default", () => {
  const originsFor = (text?: string) => serverSourcesOf(text === undefined ? {} : { HUBSCALE_SERVER_ORIGINS: text }).origins;
  expect(originsFor()).toEqual(SERVER_ORIGINS);
  expect(originsFor("docker")).toEqual(["docker"]);
  expect(originsFor("docker, path")).toEqual(["path", "docker"]);
  expect(() => originsFor("docker,apt")).toThrow("'apt'; give some of url, path, debian, docker");
});
