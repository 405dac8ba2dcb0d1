/** Where the hub may send its health polls: the registry is filled by its clients, who must not steer the hub at will. */
import { lookup as lookupName, type LookupAddress } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** Link-local networks, and the addresses at which clouds serve credentials to their machines. */
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet("169.254.0.0", 16, "ipv4");
FORBIDDEN.addSubnet("fe80::", 10, "ipv6");
FORBIDDEN.addAddress("100.100.100.200", "ipv4");
FORBIDDEN.addAddress("192.0.0.192", "ipv4");
FORBIDDEN.addAddress("fd00:ec2::254", "ipv6");

export function isForbiddenAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  // The block list looks through IPv4-mapped IPv6 addresses by itself.
  return FORBIDDEN.check(address, family === 6 ? "ipv6" : "ipv4");
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
