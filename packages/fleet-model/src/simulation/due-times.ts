/**
 * Who is due next, of a fixed number of parties each of which has one time or none: a calendar queue (R. Brown, "Calendar queues",
 * CACM 31(10), 1988). A time is noted on the page of its day, and a page is put in order when its day comes. What that takes
 * does not grow with the number of parties; and all of a day's parties are known before the first of them is served, so that
 * their memory can be asked for at once instead of for one after the other.
 */
export class DueTimes {
  /** Of the party that `next` named last. */
  nowMs = 0;
  /** By party; Infinity: it has none. A note counts only if it says the same. */
  private readonly dueMs: Float64Array;
  private dayMs: number;
  private today = 0;
  /** By page its first note; days that are `PAGES` apart share a page. */
  private readonly pages = new Int32Array(PAGES).fill(NONE);
  private notes = new Notes(FIRST_NOTES);
  /** Today's notes in order; those before `served` are done. */
  private readonly todayMs: number[] = [];
  private readonly todayParty: number[] = [];
  private todayCount = 0;
  private served = 0;
  private readonly onDay: (parties: readonly number[], count: number) => void;
  /** Since when so many have been named. */
  private countedFromMs = 0;
  private named = 0;

  /** `onDay` is told, before they are named, who of the first `count` in the list is due on the day that begins. */
  constructor(parties: number, onDay: (parties: readonly number[], count: number) => void = () => undefined) {
    this.dueMs = new Float64Array(parties).fill(Number.POSITIVE_INFINITY);
    this.onDay = onDay;
    this.dayMs = FIRST_DAY_MS / Math.max(1, parties);
  }

  /** In place of the time that the party had; Infinity: it has none. A time before `nowMs` has come already. */
  set(party: number, atMs: number): void {
    if (this.dueMs[party] === atMs) return;
    this.dueMs[party] = atMs;
    if (atMs < Number.POSITIVE_INFINITY) this.note(party, atMs);
  }

  /** The party that is due first, which has no time from then on; -1: nobody is due by `untilMs`. */
  next(untilMs: number): number {
    for (;;) {
      if (this.named >= NAMED_BEFORE_FIT) this.fitDay();
      while (this.served < this.todayCount) {
        const party = this.todayParty[this.served] as number;
        const atMs = this.todayMs[this.served] as number;
        if (this.dueMs[party] === atMs) {
          if (atMs > untilMs) return NONE;
          this.served++;
          this.named++;
          this.dueMs[party] = Number.POSITIVE_INFINITY;
          this.nowMs = atMs;
          return party;
        }
        this.served++;
      }
      this.todayCount = 0;
      this.served = 0;
      if (this.notes.inUse === 0 || this.today * this.dayMs > untilMs) return NONE;
      this.turnPage();
    }
  }

  private note(party: number, atMs: number): void {
    const day = Math.floor(atMs / this.dayMs);
    if (day <= this.today) {
      this.noteToday(party, atMs);
      return;
    }
    const page = day & (PAGES - 1);
    this.pages[page] = this.notes.add(party, atMs, this.pages[page] as number);
  }

  private noteToday(party: number, atMs: number): void {
    const { todayParty, todayMs, served } = this;
    let at = this.todayCount++;
    while (at > served && (todayMs[at - 1] as number) > atMs) {
      todayParty[at] = todayParty[at - 1] as number;
      todayMs[at] = todayMs[at - 1] as number;
      at--;
    }
    todayParty[at] = party;
    todayMs[at] = atMs;
  }

  private turnPage(): void {
    const { notes, pages, dueMs } = this;
    this.today++;
    const page = this.today & (PAGES - 1);
    let note = pages[page] as number;
    pages[page] = NONE;
    while (note !== NONE) {
      const next = notes.next[note] as number;
      const party = notes.party[note] as number;
      const atMs = notes.atMs[note] as number;
      notes.remove(note);
      if (dueMs[party] === atMs) this.note(party, atMs);
      note = next;
    }
    this.onDay(this.todayParty, this.todayCount);
  }

  /** Days that have turned out too full or too empty get another length; then everything is noted anew. */
  private fitDay(): void {
    const wantedMs = ((this.nowMs - this.countedFromMs) / this.named) * NAMED_A_DAY;
    this.named = 0;
    this.countedFromMs = this.nowMs;
    if (wantedMs <= 0 || (wantedMs < this.dayMs * 2 && wantedMs > this.dayMs / 2)) return;
    this.dayMs = wantedMs;
    this.today = Math.floor(this.nowMs / wantedMs);
    this.todayCount = 0;
    this.served = 0;
    this.pages.fill(NONE);
    this.notes = new Notes(this.notes.next.length);
    this.dueMs.forEach((atMs, party) => {
      if (atMs < Number.POSITIVE_INFINITY) this.note(party, atMs);
    });
    this.onDay(this.todayParty, this.todayCount);
  }
}

/** Notes in lists, each of which begins on a page: a time, a party, and the number of the next note. */
class Notes {
  atMs: Float64Array;
  party: Int32Array;
  next: Int32Array;
  inUse = 0;
  private free = NONE;

  constructor(room: number) {
    this.atMs = new Float64Array(room);
    this.party = new Int32Array(room);
    this.next = new Int32Array(room);
    this.release(0);
  }

  /** The note's number. */
  add(party: number, atMs: number, next: number): number {
    if (this.free === NONE) this.grow();
    const note = this.free;
    this.free = this.next[note] as number;
    this.atMs[note] = atMs;
    this.party[note] = party;
    this.next[note] = next;
    this.inUse++;
    return note;
  }

  /** The next note to be added takes its place, which is at hand. */
  remove(note: number): void {
    this.next[note] = this.free;
    this.free = note;
    this.inUse--;
  }

  private grow(): void {
    const { atMs, party, next } = this;
    const had = next.length;
    this.atMs = new Float64Array(2 * had);
    this.party = new Int32Array(2 * had);
    this.next = new Int32Array(2 * had);
    this.atMs.set(atMs);
    this.party.set(party);
    this.next.set(next);
    this.release(had);
  }

  private release(from: number): void {
    for (let note = this.next.length - 1; note >= from; note--) {
      this.next[note] = this.free;
      this.free = note;
    }
  }
}

const NONE = -1;
/** A power of two. */
const PAGES = 2 ** 15;
const FIRST_NOTES = 1_024;
/** A day's length for a single party; halved for two. Fitted before long. */
const FIRST_DAY_MS = 100_000;
/** So many that their memory is worth asking for at once, few enough to be put in order by insertion. */
const NAMED_A_DAY = 24;
const NAMED_BEFORE_FIT = 4_096;
