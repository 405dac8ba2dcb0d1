/**
 * Who is due next, of a fixed number of parties each of which has one time or none: a heap with four children a node in typed arrays,
 * which knows where each party is, so that a time can be moved. (D. B. Johnson 1975 for d-ary heaps; four fit a cache line.)
 */
export class DueTimes {
  private readonly times: Float64Array;
  private readonly heap: Int32Array;
  /** Where a party is in the heap; -1: it has no time. */
  private readonly places: Int32Array;
  private size = 0;

  constructor(parties: number) {
    this.times = new Float64Array(parties);
    this.heap = new Int32Array(parties);
    this.places = new Int32Array(parties).fill(-1);
  }

  /** -1: nobody has a time. */
  get first(): number {
    return this.size > 0 ? (this.heap[0] as number) : -1;
  }

  /** Infinity: nobody has a time. */
  get firstMs(): number {
    return this.size > 0 ? (this.times[this.heap[0] as number] as number) : Number.POSITIVE_INFINITY;
  }

  /** In place of the time that the party had; Infinity takes it out. */
  set(party: number, atMs: number): void {
    const place = this.places[party] as number;
    if (atMs === Number.POSITIVE_INFINITY) {
      if (place >= 0) this.remove(place);
      return;
    }
    this.times[party] = atMs;
    if (place < 0) {
      this.rise(this.size++, party, atMs);
      return;
    }
    if (!this.rise(place, party, atMs)) this.sink(place, party, atMs);
  }

  private remove(place: number): void {
    this.places[this.heap[place] as number] = -1;
    const last = this.heap[--this.size] as number;
    if (place === this.size) return;
    const atMs = this.times[last] as number;
    if (!this.rise(place, last, atMs)) this.sink(place, last, atMs);
  }

  /** Puts the party at `from` or above; whether it moved. */
  private rise(from: number, party: number, atMs: number): boolean {
    const { heap, times, places } = this;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 2;
      const other = heap[above] as number;
      if ((times[other] as number) <= atMs) break;
      heap[place] = other;
      places[other] = place;
      place = above;
    }
    heap[place] = party;
    places[party] = place;
    return place !== from;
  }

  private sink(from: number, party: number, atMs: number): void {
    const { heap, times, places, size } = this;
    let place = from;
    for (;;) {
      const firstChild = place * 4 + 1;
      if (firstChild >= size) break;
      let least = firstChild;
      let leastMs = times[heap[firstChild] as number] as number;
      const end = Math.min(firstChild + 4, size);
      for (let child = firstChild + 1; child < end; child++) {
        const childMs = times[heap[child] as number] as number;
        if (childMs < leastMs) {
          least = child;
          leastMs = childMs;
        }
      }
      if (leastMs >= atMs) break;
      const other = heap[least] as number;
      heap[place] = other;
      places[other] = place;
      place = least;
    }
    heap[place] = party;
    places[party] = place;
  }
}
