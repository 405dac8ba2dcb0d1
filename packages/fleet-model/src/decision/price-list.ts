/** What things cost a month, as of a date. Every price says where it is from; an assumption says so. */

export interface Price {
  perMonth: number;
  source: string;
}

export interface PriceList {
  currency: string;
  /** YYYY-MM-DD */
  dated: string;
  /** A machine without its GPU. */
  machine: Price | null;
  /** By id of the GPU type: the card and its power, beside the machine. */
  gpus: Readonly<Record<string, Price>>;
  /** One more node of a hub, or a server of its backbone. */
  hubNode: Price | null;
  uplinkMbit: Price | null;
  /** The next tier of the API: its fixed cost, not the tokens, which are paid in any tier. */
  apiTier: Price | null;
}
