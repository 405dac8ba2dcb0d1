import type { HubBehaviour } from "./behaviour.ts";
import type { CallerRules } from "./caller-check.ts";
import type { Backplane, Clock, HubView, RandomHex, Roster, TaskDesk } from "./ports.ts";
import type { RateLimitSettings } from "./rate-limiter.ts";
import type { RegistrationPolicy } from "./registration.ts";

export interface HubEdgeOptions extends CallerRules {
  /** Unique among the nodes of a hub. */
  node: string;
  host: string;
  /** 0: any free port. */
  port: number;
  /**
   * Makes the desk, once, before anything connects. The roster and the view are empty by then, and remain the desk's source of
   * who may be handed a task.
   */
  makeTasks(roster: Roster, view: HubView): TaskDesk | Promise<TaskDesk>;
  backplane: Backplane;
  clock: Clock;
  randomHex: RandomHex;
  behaviour: HubBehaviour;
  rateLimits: "off" | "reference" | RateLimitSettings;
  /** Networks of balancers, in CIDR notation: their `X-Forwarded-For` says who calls. Default: none. */
  trustedProxies?: readonly string[];
  /**
   * WebSocket connections at one time; further ones get 503. The hub does not start where the limit of open files leaves less room.
   * Default: what it leaves, 18,000 at most.
   */
  maxConnections?: number | undefined;
  /** Unsent bytes at which a slow client is cut off. Default `MAX_BUFFERED_BYTES`. */
  maxBufferedBytes?: number;
  /**
   * How long a closing hub still answers: requests with 503, so that a load balancer and its clients learn of it from an answer
   * and not from a broken connection. Its agents are sent away spread over this time. Default 0: it is the only node.
   */
  drainMs?: number;
  /** Default: open. */
  registration?: RegistrationPolicy;
  /** Polls link-local, multicast and cloud-metadata addresses too. Default false. */
  allowLinkLocalEndpoints?: boolean;
  log(line: string): void;
  /** Called when a store broke in a way that the hub must not survive. Default: throws outside of any handler. */
  onBroken?(error: unknown): void;
}

/** Some 5,000 assignments or 25,000 presence frames that a client has not read: it is stuck, not slow. */
export const MAX_BUFFERED_BYTES = 4_194_304;
