/**
 * Who is due next, of a fixed number of parties each of which has one time or none. Parties that wake each other lie beside each
 * other in groups (a host with its agents), and a heap with four children a node holds the groups only: what an event touches is a few
 * lines of memory, however many parties there are. (D. B. Johnson 1975 for d-ary heaps; keys lie in the heap's own order.)
 */
export class DueTimes {
  private readonly times: Float64Array;
  private readonly groupOf: Int32Array;
  /** Of each group its first party, and behind the last group the number of parties. */
  private readonly starts: Int32Array;
  /** By place in the heap. */
  private readonly keys: Float64Array;
  private readonly heap: Int32Array;
  /** By group. */
  private readonly places: Int32Array;
  private readonly leasts: Int32Array;
  /** Groups whose parties have changed since the heap was right, and whether a group is among them. */
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
    this.keys = new Float64Array(groups).fill(Number.POSITIVE_INFINITY);
    this.heap = Int32Array.from({ length: groups }, (_, group) => group);
    this.places = Int32Array.from({ length: groups }, (_, group) => group);
    this.leasts = new Int32Array(groups).fill(-1);
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
    return this.leasts[this.heap[0] as number] as number;
  }

  /** Infinity: nobody has a time. */
  get firstMs(): number {
    this.settle();
    return this.keys[0] as number;
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
      this.place(group);
    }
  }

  private place(group: number): void {
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
    this.leasts[group] = least;
    const place = this.places[group] as number;
    if (leastMs < (this.keys[place] as number)) this.rise(place, group, leastMs);
    else this.sink(place, group, leastMs);
  }

  private rise(from: number, group: number, atMs: number): void {
    const { heap, keys, places } = this;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 2;
      const aboveMs = keys[above] as number;
      if (aboveMs <= atMs) break;
      const other = heap[above] as number;
      heap[place] = other;
      keys[place] = aboveMs;
      places[other] = place;
      place = above;
    }
    heap[place] = group;
    keys[place] = atMs;
    places[group] = place;
  }

  private sink(from: number, group: number, atMs: number): void {
    const { heap, keys, places } = this;
    const size = heap.length;
    let place = from;
    for (;;) {
      const firstChild = place * 4 + 1;
      if (firstChild >= size) break;
      let least = firstChild;
      let leastMs = keys[firstChild] as number;
      const end = firstChild + 4 < size ? firstChild + 4 : size;
      for (let child = firstChild + 1; child < end; child++) {
        const childMs = keys[child] as number;
        if (childMs < leastMs) {
          least = child;
          leastMs = childMs;
        }
      }
      if (leastMs >= atMs) break;
      const other = heap[least] as number;
      heap[place] = other;
      keys[place] = leastMs;
      places[other] = place;
      place = least;
    }
    heap[place] = group;
    keys[place] = atMs;
    places[group] = place;
  }
}
