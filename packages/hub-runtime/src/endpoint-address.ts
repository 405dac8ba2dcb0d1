/** Where the hub may send its health polls: the registry is filled by its clients, who must not steer the hub at will. */
import { lookup as lookupName, type LookupAddress } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/**
 * Link-local networks, the addresses at which clouds serve credentials and configuration to their machines, and multicast.
 * Private networks are allowed: that is where endpoints are.
 */
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet("169.254.0.0", 16, "ipv4");
FORBIDDEN.addSubnet("224.0.0.0", 4, "ipv4");
FORBIDDEN.addAddress("255.255.255.255", "ipv4");
FORBIDDEN.addAddress("100.100.100.200", "ipv4");
FORBIDDEN.addAddress("168.63.129.16", "ipv4");
FORBIDDEN.addAddress("192.0.0.192", "ipv4");
FORBIDDEN.addSubnet("fe80::", 10, "ipv6");
FORBIDDEN.addSubnet("ff00::", 8, "ipv6");
FORBIDDEN.addAddress("fd00:ec2::254", "ipv6");
FORBIDDEN.addAddress("fd20:ce::254", "ipv6");

/** IPv6 networks whose addresses carry an IPv4 address, which a gateway unwraps: IPv4-compatible, NAT64, 6to4. */
const LINK_LOCAL_INSIDE: readonly [network: string, prefixBits: number][] = [
  ["::a9fe:0", 112],
  ["64:ff9b::a9fe:0", 112],
  ["2002:a9fe::", 32],
];
for (const [network, prefixBits] of LINK_LOCAL_INSIDE) FORBIDDEN.addSubnet(network, prefixBits, "ipv6");

/** Of a literal address, with or without brackets; false for a name. */
export function isForbiddenAddress(address: string): boolean {
  const bare = withoutBrackets(address);
  const family = isIP(bare);
  if (family === 0) return false;
  // The block list looks through IPv4-mapped IPv6 addresses by itself.
  return FORBIDDEN.check(bare, family === 6 ? "ipv6" : "ipv4");
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
