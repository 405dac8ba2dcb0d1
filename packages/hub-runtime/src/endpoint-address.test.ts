import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { isForbiddenAddress } from "./endpoint-address.ts";
import { probeEndpoint } from "./endpoint-probe.ts";

test.each(["169.254.169.254", "169.254.0.1", "fe80::1", "::ffff:169.254.169.254", "100.100.100.200", "fd00:ec2::254"])(
  "%s is not polled",
  async (address) => {
    expect(isForbiddenAddress(address)).toBe(true);
    await expect(probeEndpoint(address, 80)).rejects.toThrow(`${address} is not polled`);
  },
);

test.each(["127.0.0.1", "192.168.1.10", "10.0.0.1", "::1", "a-name"])("%s may be polled", (address) => {
  expect(isForbiddenAddress(address)).toBe(false);
});

test("a name or number that leads to a forbidden address is not polled", async () => {
  // 169.254.169.254 as one number, which the resolver understands.
  await expect(probeEndpoint("2852039166", 80)).rejects.toThrow("is not polled");
});

test.each([
  [302, { location: "http://127.0.0.1:1/" }, "{}", "answered 302"],
  [500, {}, "{}", "answered 500"],
  [200, {}, "no json", "not valid JSON"],
  [200, {}, "{}", "no list of models"],
])("an endpoint that answers %i %j %s is not healthy", async (status, headers, body, message) => {
  const server = createServer((_request, response) => response.writeHead(status, headers as Record<string, string>).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await expect(probeEndpoint("127.0.0.1", (server.address() as AddressInfo).port)).rejects.toThrow(message);
  } finally {
    server.close();
  }
});
