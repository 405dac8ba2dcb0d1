/** What bytes of an application become on the wire. Sources: parameters.md C. */

/** IPv4 and TCP with timestamps: 20 + 32 bytes. */
export const TCP_IP_BYTES = 52;

/** Frame header of a masked WebSocket frame of 126 to 65,535 bytes; shorter ones have 6, longer 14. Servers' frames: 4 less. */
export const WEBSOCKET_HEADER_BYTES = 8;

export interface NetworkPath {
  id: "plain" | "mesh-v4" | "mesh-v6" | "mesh-relayed";
  /** Of the packets that the application's TCP makes. */
  mtuBytes: number;
  /** Around each of these packets. */
  tunnelBytesPerPacket: number;
}

/** IP 20 or 40, UDP 8, WireGuard 32 (tailscale net/tstun/mtu.go wgHeaderLen; J. Donenfeld 2017-12-11). */
const WIREGUARD_BYTES = { v4: 60, v6: 80 };

/**
 * A packet through a DERP relay: WireGuard 32, DERP frame 5 and key 32 (derp/derp.go), TLS 1.3 record 22, TCP/IP 52. Derived from the
 * formats, not measured; a relay that packs several packets into one TCP segment needs less.
 */
const RELAYED_BYTES = 32 + 5 + 32 + 22 + TCP_IP_BYTES;

/** Tailscale's default inside the tunnel ("safeTUNMTU"). */
const MESH_MTU_BYTES = 1_280;

export const NETWORK_PATHS: Readonly<Record<NetworkPath["id"], NetworkPath>> = {
  plain: { id: "plain", mtuBytes: 1_500, tunnelBytesPerPacket: 0 },
  "mesh-v4": { id: "mesh-v4", mtuBytes: MESH_MTU_BYTES, tunnelBytesPerPacket: WIREGUARD_BYTES.v4 },
  "mesh-v6": { id: "mesh-v6", mtuBytes: MESH_MTU_BYTES, tunnelBytesPerPacket: WIREGUARD_BYTES.v6 },
  "mesh-relayed": { id: "mesh-relayed", mtuBytes: MESH_MTU_BYTES, tunnelBytesPerPacket: RELAYED_BYTES },
};

/** Packets for one write of `bytes` over TCP; 0 for nothing. Writes that come apart in time do not share packets. */
export function packetsFor(bytes: number, path: NetworkPath): number {
  return Math.ceil(bytes / (path.mtuBytes - TCP_IP_BYTES));
}

/** At the IP layer, without the acknowledgements that come back (one of 52 bytes and the tunnel's for every other packet). */
export function wireBytes(bytes: number, path: NetworkPath): number {
  return bytes + packetsFor(bytes, path) * (TCP_IP_BYTES + path.tunnelBytesPerPacket);
}
