/** The first of the addresses 127.0.0.2 to 127.0.0.17, of which Linux has each on its loopback interface. */
const FIRST_HOST = 2;
const ADDRESSES = 16;
/** Beyond this the ephemeral ports of one address (about 28,000, shared by all programs) could run out between two runs. */
const CONNECTIONS_FROM_ONE_ADDRESS = 8_000;

/** The local address for the `index`th of `total` connections to `url`; undefined: the system's choice. */
export function sourceAddress(url: string, index: number, total: number, platform = process.platform): string | undefined {
  if (total <= CONNECTIONS_FROM_ONE_ADDRESS || platform !== "linux") return undefined;
  const { hostname } = new URL(url);
  if (hostname !== "localhost" && !hostname.startsWith("127.")) return undefined;
  return `127.0.0.${FIRST_HOST + (index % ADDRESSES)}`;
}
