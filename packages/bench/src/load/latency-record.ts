import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";

/** An HdrHistogram of whole microseconds at three significant digits, as text that any HdrHistogram library decodes and merges. */
export interface EncodedLatencies {
  count: number;
  /** Compressed V2 encoding in base64. */
  hdrMicros: string;
  /** Read off the histogram, in milliseconds; NaN without observations. */
  ms: { p50: number; p90: number; p99: number; p999: number; max: number; mean: number };
}

const LONGEST_MICROS = 3_600_000_000;

/** Latencies of one stage. Those over an hour count as an hour. */
export class LatencyRecord {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_MICROS,
    numberOfSignificantValueDigits: 3,
  });

  /** All of them (`EncodedLatencies.hdrMicros`) together, as if one process had seen them: of several generators, or of several trials. */
  static merged(hdrMicros: readonly string[]): LatencyRecord {
    const whole = new LatencyRecord();
    for (const text of hdrMicros) whole.#histogram.add(decodeFromCompressedBase64(text));
    return whole;
  }

  add(ms: number): void {
    this.#histogram.recordValue(Math.min(LONGEST_MICROS, Math.max(0, Math.round(ms * 1000))));
  }

  quantileMs(percentile: number): number {
    return this.#histogram.totalCount === 0 ? Number.NaN : this.#histogram.getValueAtPercentile(percentile) / 1000;
  }

  encode(): EncodedLatencies {
    const count = this.#histogram.totalCount;
    const orNothing = (micros: number) => (count === 0 ? Number.NaN : micros / 1000);
    return {
      count,
      hdrMicros: encodeIntoCompressedBase64(this.#histogram),
      ms: {
        p50: this.quantileMs(50),
        p90: this.quantileMs(90),
        p99: this.quantileMs(99),
        p999: this.quantileMs(99.9),
        max: orNothing(this.#histogram.maxValue),
        mean: orNothing(this.#histogram.mean),
      },
    };
  }
}
