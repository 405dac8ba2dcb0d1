/**
 * Who is due next, of a fixed number of parties each of which has one time or none. Parties that wake each other lie beside each
 * other in groups (a host with its agents), and a tournament (Knuth, The Art of Computer Programming 3, 5.4.1) is held among the
 * groups only: what an event touches is a few lines of memory, however many parties there are.
 */
export class DueTimes {
  private readonly times: Float64Array;
  private readonly groupOf: Int32Array;
  /** Of each group its first party, and behind the last group the number of parties. */
  private readonly starts: Int32Array;
  /** Places for groups, a power of two. */
  private readonly size: number;
  /** By node of the tournament: 1 is the final, a node's two matches are at twice its number, group g enters at `size + g`. */
  private readonly winners: Int32Array;
  private readonly keys: Float64Array;
  /** Groups whose parties have changed since the tournament was right, and whether a group is among them. */
  private readonly changed: Int32Array;
  private readonly isChanged: Uint8Array;
  private changes = 0;

  /** Parties in each group; they are numbered through, group after group. */
  constructor(sizes: readonly number[]) {
    const parties = sizes.reduce((sum, size) => sum + size, 0);
    const groups = sizes.length;
    this.times = new Float64Array(parties).fill(Number.POSITIVE_INFINITY);
    this.groupOf = new Int32Array(parties);
    this.starts = new Int32Array(groups + 1);
    this.size = 2 ** Math.ceil(Math.log2(Math.max(2, groups)));
    this.winners = new Int32Array(2 * this.size).fill(-1);
    this.keys = new Float64Array(2 * this.size).fill(Number.POSITIVE_INFINITY);
    this.changed = new Int32Array(groups);
    this.isChanged = new Uint8Array(groups);
    sizes.forEach((size, group) => {
      const start = this.starts[group] as number;
      this.starts[group + 1] = start + size;
      this.groupOf.fill(group, start, start + size);
    });
  }

  /** -1: nobody has a time. */
  get first(): number {
    this.settle();
    return this.winners[1] as number;
  }

  /** Infinity: nobody has a time. */
  get firstMs(): number {
    this.settle();
    return this.keys[1] as number;
  }

  /** In place of the time that the party had; Infinity: it has none. */
  set(party: number, atMs: number): void {
    this.times[party] = atMs;
    const group = this.groupOf[party] as number;
    if (this.isChanged[group] === 1) return;
    this.isChanged[group] = 1;
    this.changed[this.changes++] = group;
  }

  private settle(): void {
    while (this.changes > 0) {
      const group = this.changed[--this.changes] as number;
      this.isChanged[group] = 0;
      this.enter(group);
    }
  }

  private enter(group: number): void {
    const { times, starts } = this;
    const end = starts[group + 1] as number;
    let least = -1;
    let leastMs = Number.POSITIVE_INFINITY;
    for (let party = starts[group] as number; party < end; party++) {
      const atMs = times[party] as number;
      if (atMs < leastMs) {
        least = party;
        leastMs = atMs;
      }
    }
    this.play(this.size + group, least, leastMs);
  }

  /** From the group's place up to the final, or to a match that goes as it went. */
  private play(from: number, party: number, atMs: number): void {
    const { winners, keys } = this;
    let node = from;
    let winner = party;
    let winnerMs = atMs;
    while (keys[node] !== winnerMs || winners[node] !== winner) {
      keys[node] = winnerMs;
      winners[node] = winner;
      if (node === 1) return;
      const rival = node ^ 1;
      const rivalMs = keys[rival] as number;
      if (rivalMs < winnerMs) {
        winner = winners[rival] as number;
        winnerMs = rivalMs;
      }
      node >>= 1;
    }
  }
}
