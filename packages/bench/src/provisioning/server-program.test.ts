import { describe, expect, it } from "vitest";
import { signingKeyIn } from "./debian-packages.ts";
import { isAtLeast } from "./server-program.ts";

describe("isAtLeast", () => {
  it.each([
    ["2.10.27", "2.10.0", true],
    ["2.9.10", "2.10.0", false],
    ["7.0.15", "6.2", true],
    ["6.2", "6.2.0", true],
    ["6.1.9", "6.2.0", false],
    ["2.10.0-beta.1", "2.10.0", true],
  ])("%s against %s: %s", (version, minimum, expected) => {
    expect(isAtLeast(version, minimum)).toBe(expected);
  });
});

describe("signingKeyIn", () => {
  it("reads both forms of apt sources", () => {
    expect(signingKeyIn("Types: deb\nURIs: http://mirror/debian\nSigned-By: /usr/share/keyrings/a.gpg\n")).toBe(
      "/usr/share/keyrings/a.gpg",
    );
    expect(signingKeyIn("deb [arch=amd64 signed-by=/etc/k.asc] http://mirror/debian stable main")).toBe("/etc/k.asc");
  });

  it("leaves the key to apt when it is written into the file or not named", () => {
    expect(signingKeyIn("Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n")).toBeUndefined();
    expect(signingKeyIn("deb http://mirror/debian stable main")).toBeUndefined();
  });
});
