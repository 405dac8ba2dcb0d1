import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { endpointHostOf, isForbiddenAddress, safeLookup } from "./endpoint-address.ts";
import { probeEndpoint } from "./endpoint-probe.ts";

const SAFELY = { allowLinkLocal: false };

test.each([
  "169.254.169.254",
  "169.254.0.1",
  "fe80::1",
  "fe80::1%eth0",
  "[fe80::1]",
  "::ffff:169.254.169.254",
  "::ffff:a9fe:a9fe",
  "64:ff9b::169.254.169.254",
  "2002:a9fe:a9fe::1",
  "100.100.100.200",
  "168.63.129.16",
  "fd00:ec2::254",
  "[fd00:ec2::254]",
  "224.0.0.1",
  "239.255.255.250",
  "255.255.255.255",
  "ff02::1",
  "::ffff:224.0.0.1",
  "::ffff:0:a9fe:a9fe",
  "::ffff:0:6464:64c8",
  "::ffff:6464:64c8",
  "::a9fe:a9fe",
  "64:ff9b::6464:64c8",
  "64:ff9b:1::1",
  "64:ff9b:1:a9fe:a9:fe00::",
  "2002:6464:64c8::1",
  "2001:0:4136:e378:8000:63bf:5601:5601",
  "fd00::5efe:a9fe:a9fe",
  "2001:db8::200:5efe:169.254.169.254",
])("%s is not polled", async (address) => {
  expect(isForbiddenAddress(address)).toBe(true);
  await expect(probeEndpoint(address, 80, SAFELY)).rejects.toThrow(`${address} is not polled`);
});

test.each([
  "127.0.0.1",
  "192.168.1.10",
  "10.0.0.1",
  "::1",
  "[::1]",
  "fd00::1",
  "2002:0a00:1::",
  "64:ff9b::10.0.0.1",
  "fd00::5efe:10.0.0.1",
  "a-name",
])("%s may be polled", (address) => {
  expect(isForbiddenAddress(address)).toBe(false);
});

// Each is 169.254.169.254 to the resolver, though none is an address as the registry sees it.
test.each(["2852039166", "0xa9fea9fe", "169.254.43518", "0251.0376.0251.0376"])(
  "the name or number %s, which leads to a forbidden address, is not polled",
  async (host) => {
    expect(isForbiddenAddress(host)).toBe(false);
    await expect(probeEndpoint(host, 80, SAFELY)).rejects.toThrow("resolves to an address that is not polled");
  },
);

test.each([
  "2852039166",
  "0xa9fea9fe",
  "169.254.43518",
  "0251.0376.0251.0376",
  "0xA9.254.0251.254",
  "169.254.169.254.",
  "::ffff:0:a9fe:a9fe",
  "[fe80::1]",
])("a client that names %s is refused at once", (host) => {
  const detail = "link-local, multicast and metadata addresses are not polled";
  expect(endpointHostOf(host, SAFELY)).toEqual({ ok: false, detail });
});

test.each(["", "a b", "a/b", "a?b", "a#b", "u@a", "a:80", "a\\b", "[::1", "::1]", "fe80::1%eth0", "1.2.3.4.5", "256.1.1.1"])(
  '"%s" is no host',
  (host) => expect(endpointHostOf(host, SAFELY)).toEqual({ ok: false, detail: "must be a host name or an address" }),
);

test.each([
  ["GPU-1.example", "gpu-1.example"],
  ["gpu_1", "gpu_1"],
  ["0x7f.1", "127.0.0.1"],
  ["10.1", "10.0.0.1"],
  ["::1", "[::1]"],
  ["[FD00:0::1]", "[fd00::1]"],
])("%s is kept as %s", (host, kept) => expect(endpointHostOf(host, SAFELY)).toEqual({ ok: true, host: kept }));

test("the resolver's answer decides, also when it gives several addresses", async () => {
  const found = await new Promise<unknown>((resolve, reject) =>
    safeLookup("127.0.0.1", { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses))),
  );
  expect(found).toEqual([{ address: "127.0.0.1", family: 4 }]);
});

test("link-local addresses are asked when that is allowed", async () => {
  // Nobody answers there, but the question is no longer refused.
  await expect(probeEndpoint("2852039166", 1, { allowLinkLocal: true })).rejects.not.toThrow("is not polled");
});

test("an address in brackets, as URLs write those of IPv6, is asked", async () => {
  await withServer({ status: 200, headers: {}, body: '{"models":[{"name":"a"}]}' }, "127.0.0.1", async (port) => {
    expect(await probeEndpoint("[127.0.0.1]", port, SAFELY)).toEqual({ models: ["a"], loadedModels: ["a"] });
  });
});

test.each([
  [500, {}, "{}", "answered 500"],
  [200, {}, "no json", "not valid JSON"],
  [200, {}, "{}", "no list of models"],
])("an endpoint that answers %i %j %s is not healthy", async (status, headers, body, message) => {
  await withServer({ status, headers, body }, "127.0.0.1", async (port) => {
    await expect(probeEndpoint("127.0.0.1", port, SAFELY)).rejects.toThrow(message);
  });
});

test.each([301, 302, 307, 308])("a redirect with %i is not followed", async (status) => {
  let followed = 0;
  const target = createServer((_request, response) => {
    followed++;
    response.end('{"models":[]}');
  });
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  const headers = { location: `http://127.0.0.1:${(target.address() as AddressInfo).port}/api/tags` };
  try {
    await withServer({ status, headers, body: "" }, "127.0.0.1", async (port) => {
      await expect(probeEndpoint("127.0.0.1", port, SAFELY)).rejects.toThrow(`answered ${status}`);
    });
    expect(followed).toBe(0);
  } finally {
    target.close();
  }
});

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

async function withServer({ status, headers, body }: Answer, host: string, run: (port: number) => Promise<void>) {
  const server = createServer((_request, response) => response.writeHead(status, headers).end(body));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  try {
    await run((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}
