/** The backplane of a hub of one process: its own store, and a bus that leads back to it. */
import type {
  Backplane,
  BackplaneDescription,
  BusEvent,
  EndpointStore,
  MessageStore,
  StoreObserver,
  TokenStore,
} from "@hubscale/hub-runtime";
import { LIMITS } from "@hubscale/protocol";

export class SingleBackplane implements Backplane {
  readonly tokens: TokenStore;
  readonly endpoints: EndpointStore;
  readonly messages: MessageStore;
  readonly documentBytes = LIMITS.documentBytes;
  readonly observeStore: (heard: StoreObserver) => void;
  readonly #describe: () => Promise<BackplaneDescription>;
  readonly #close: () => Promise<void>;
  #listener: ((event: BusEvent) => void) | undefined;

  constructor(parts: {
    tokens: TokenStore;
    endpoints: EndpointStore;
    messages: MessageStore;
    observeStore(heard: StoreObserver): void;
    describe(): Promise<BackplaneDescription>;
    close(): Promise<void>;
  }) {
    this.tokens = parts.tokens;
    this.endpoints = parts.endpoints;
    this.messages = parts.messages;
    this.observeStore = (heard) => parts.observeStore(heard);
    this.#describe = () => parts.describe();
    this.#close = () => parts.close();
  }

  /** In a later turn, as over a real bus: nobody hears of an event before its publisher is done. */
  publish(event: BusEvent): void {
    queueMicrotask(() => this.#listener?.(event));
  }

  subscribe(listener: (event: BusEvent) => void): Promise<void> {
    this.#listener = listener;
    return Promise.resolve();
  }

  describe(): Promise<BackplaneDescription> {
    return this.#describe();
  }

  close(): Promise<void> {
    return this.#close();
  }
}
