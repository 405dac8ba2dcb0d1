/**
 * Who is due next, of a fixed number of parties each of which has one time or none: a calendar queue (R. Brown, "Calendar queues",
 * CACM 31(10), 1988). A time is noted on the page of its day, and a page is put in order when its day comes. What that takes
 * does not grow with the number of parties; and all of a day's parties are known before the first of them is served, so that
 * their memory can be asked for at once instead of for one after the other.
 */
export class DueTimes {
  /** Of the party that `next` named last. */
  nowMs = 0;
  /** By party; Infinity: it has none. */
  private readonly dueMs: Float64Array;
  private dayMs: number;
  private today = 0;
  /** By page its latest notes, `ABREAST` of them; days that are `PAGES` apart share a page. */
  private readonly pages = new Int32Array(PAGES * ABREAST).fill(NONE);
  private notes = new Notes(FIRST_NOTES);
  /** The parties of the page that is being turned, and their times. */
  private readonly turned: number[] = [];
  private readonly turnedMs: number[] = [];
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
    this.notes.add(party, this.pages, (day & (PAGES - 1)) * ABREAST);
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
    this.today++;
    const page = this.today & (PAGES - 1);
    const { turned, turnedMs, dueMs } = this;
    const count = this.notes.takeAll(this.pages, page * ABREAST, turned);
    // By itself, so that these reads do not wait for each other.
    for (let at = 0; at < count; at++) turnedMs[at] = dueMs[turned[at] as number] as number;
    for (let at = 0; at < count; at++) {
      const atMs = turnedMs[at] as number;
      // Otherwise the party has another time by now, or none. A later day may have this page too.
      if ((Math.floor(atMs / this.dayMs) & (PAGES - 1)) === page && atMs < Number.POSITIVE_INFINITY)
        this.note(turned[at] as number, atMs);
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
    this.notes = new Notes(this.notes.room);
    this.dueMs.forEach((atMs, party) => {
      if (atMs < Number.POSITIVE_INFINITY) this.note(party, atMs);
    });
    this.onDay(this.todayParty, this.todayCount);
  }
}

/**
 * Notes on pages: a party, and the number of the note that was `ABREAST` notes before it on the same page. Going along a list, each
 * step waits for memory that only the step before names; so a page's notes are as many lists, which are gone along together.
 */
class Notes {
  inUse = 0;
  room: number;
  private numbers: Int32Array;
  private free = NONE;

  constructor(room: number) {
    this.room = room;
    this.numbers = new Int32Array(2 * room);
    this.release(0);
  }

  /** The page's latest notes are in `pages` from `page` on, the last one first. */
  add(party: number, pages: Int32Array, page: number): void {
    if (this.free === NONE) this.grow();
    const note = this.free;
    const last = page + ABREAST - 1;
    this.free = this.numbers[2 * note + 1] as number;
    this.numbers[2 * note] = party;
    this.numbers[2 * note + 1] = pages[last] as number;
    for (let at = last; at > page; at--) pages[at] = pages[at - 1] as number;
    pages[page] = note;
    this.inUse++;
  }

  /**
   * Puts a page's parties into `parties`, the last noted first, and says how many; the notes to be added next take their places, which
   * are at hand.
   */
  takeAll(pages: Int32Array, page: number, parties: number[]): number {
    const { numbers } = this;
    let count = 0;
    for (let note = pages[page] as number; note !== NONE; ) {
      const list = page + (count % ABREAST);
      pages[list] = numbers[2 * note + 1] as number;
      parties[count++] = numbers[2 * note] as number;
      numbers[2 * note + 1] = this.free;
      this.free = note;
      note = pages[page + (count % ABREAST)] as number;
    }
    this.inUse -= count;
    return count;
  }

  private grow(): void {
    const { numbers, room } = this;
    this.room = 2 * room;
    this.numbers = new Int32Array(2 * this.room);
    this.numbers.set(numbers);
    this.release(room);
  }

  private release(from: number): void {
    for (let note = this.room - 1; note >= from; note--) {
      this.numbers[2 * note + 1] = this.free;
      this.free = note;
    }
  }
}

const NONE = -1;
/** A power of two. */
const PAGES = 2 ** 15;
const ABREAST = 4;
const FIRST_NOTES = 1_024;
/** A day's length for a single party; halved for two. Fitted before long. */
const FIRST_DAY_MS = 100_000;
/** So many that their memory is worth asking for at once, few enough to be put in order by insertion. */
const NAMED_A_DAY = 24;
const NAMED_BEFORE_FIT = 4_096;
