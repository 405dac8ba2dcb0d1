/** Where the hub may send its health polls: the registry is filled by its clients, who must not steer the hub at will. */
import { lookup as lookupName, type LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Private networks are allowed: that is where endpoints are. */
const FORBIDDEN_RANGES: ReadonlySet<string> = new Set(["linkLocal", "multicast", "broadcast"]);

/** At which clouds serve credentials and configuration to their machines. */
const METADATA_ADDRESSES = ["100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"].map((address) =>
  ipaddr.parse(address),
);

/** IPv6 networks whose addresses carry an IPv4 address, and the bits after which it stands. A gateway or the system unwraps it. */
const CARRIERS = [
  ["::ffff:0:0/96", 96], // IPv4-mapped, RFC 4291
  ["::ffff:0:0:0/96", 96], // IPv4-translated, RFC 2765
  ["::/96", 96], // IPv4-compatible, RFC 4291
  ["64:ff9b::/96", 96], // NAT64, RFC 6052
  ["2002::/16", 16], // 6to4, RFC 3056
].map(([network, bits]) => [ipaddr.parseCIDR(network as string), bits as number] as const);

/** The same, where the place of the IPv4 address is the operator's choice (NAT64, RFC 8215) or its bits are turned over (Teredo, RFC 4380). */
const HIDING_NETWORKS = ["64:ff9b:1::/48", "2001::/32"].map((network) => ipaddr.parseCIDR(network));

/** The last 64 bits of an ISATAP address (RFC 5214) begin so, and end with an IPv4 address. */
const ISATAP: ReadonlySet<number> = new Set([0x0000, 0x0200]);
const ISATAP_NEXT = 0x5efe;

export type EndpointHost = { ok: true; host: string } | { ok: false; detail: string };

/**
 * A host that a client names, in the form in which it is stored and polled: a name in lower case, IPv4 as four decimal numbers in
 * whatever form it came, IPv6 in brackets. Refused, for `errors` of a 422: what is no host, and addresses that are not polled.
 */
export function endpointHostOf(text: string, { allowLinkLocal }: { allowLinkLocal: boolean }): EndpointHost {
  const host = canonicalHost(text);
  if (host === undefined) return { ok: false, detail: "must be a host name or an address" };
  if (allowLinkLocal || !isForbiddenAddress(host)) return { ok: true, host };
  return { ok: false, detail: "link-local, multicast and metadata addresses are not polled" };
}

/** As URLs write it. Undefined: no host. */
function canonicalHost(text: string): string | undefined {
  const host = isIP(text) === 6 ? `[${text}]` : text;
  if (!/^(\[[^\]]*\]|[^\s/?#@:\\[\]]+)$/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname;
}

/** Of a literal address, with or without brackets; false for a name. */
export function isForbiddenAddress(address: string): boolean {
  const bare = withoutBrackets(address);
  return isIP(bare) !== 0 && isForbidden(ipaddr.parse(bare));
}

function isForbidden(address: Address): boolean {
  if (FORBIDDEN_RANGES.has(address.range()) || METADATA_ADDRESSES.some((each) => isSame(each, address))) return true;
  if (address.kind() === "ipv4") return false;
  if (HIDING_NETWORKS.some((network) => address.match(network))) return true;
  return insideOf(address as ipaddr.IPv6).some(isForbidden);
}

function isSame(one: Address, other: Address): boolean {
  return one.kind() === other.kind() && one.toNormalizedString() === other.toNormalizedString();
}

/** The IPv4 addresses that an IPv6 address may carry. */
function insideOf(address: ipaddr.IPv6): ipaddr.IPv4[] {
  const bytes = address.toByteArray();
  const afterBits = CARRIERS.flatMap(([network, bits]) => (address.match(network) ? [bits] : []));
  if (ISATAP.has(address.parts[4] ?? -1) && address.parts[5] === ISATAP_NEXT) afterBits.push(96);
  return afterBits.map((bits) => new ipaddr.IPv4(bytes.slice(bits / 8, bits / 8 + 4)));
}

/** `[::1]`, as URLs write it, is `::1`. */
export function withoutBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

/** Resolves a name and refuses forbidden addresses, so that no name leads there either, also not by changing between two polls. */
export const safeLookup: LookupFunction = (hostname, options, callback) => {
  lookupName(hostname, { ...options, all: true }, (error, found) => {
    const addresses: LookupAddress[] = error ? [] : found;
    const allowed = addresses.filter(({ address }) => !isForbiddenAddress(address));
    const [first] = allowed;
    if (error) callback(error, "");
    else if (!first) callback(new Error(`${hostname} resolves to an address that is not polled`), "");
    else if (options.all) callback(null, allowed);
    else callback(null, first.address, first.family);
  });
};
