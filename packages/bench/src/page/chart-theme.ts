/** Colours of all charts, once as the page's variables (light and dark) and once as plain values for SVG files on their own. */
import type { SymbolType } from "@observablehq/plot";

export interface ChartTheme {
  ink: string;
  soft: string;
  /** For one to six series. */
  series: readonly string[];
}

/** Okabe and Ito's hues, darkened until each has 4.5:1 against white: text and thin lines in them can be read. */
export const LIGHT_SERIES = ["#0067a0", "#a04a00", "#00724f", "#8f3b7f", "#5f5f00", "#555555"];
/** The same hues, lightened until each has 4.5:1 against the dark paper. */
export const DARK_SERIES = ["#5cb8f0", "#f0a050", "#3cc79a", "#e08fcf", "#c9c93c", "#b5b5b5"];

export const PAGE_THEME: ChartTheme = {
  ink: "currentColor",
  soft: "var(--soft)",
  series: LIGHT_SERIES.map((_, i) => `var(--series-${i + 1})`),
};

export const FILE_THEME: ChartTheme = { ink: "#1a1a1a", soft: "#555555", series: LIGHT_SERIES };

/** Shapes that can be filled, so that nothing is told by colour alone. */
export const SYMBOLS: SymbolType[] = ["circle", "square", "triangle", "diamond2", "star", "wye"];
