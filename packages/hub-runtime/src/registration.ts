/** Who may register agents: everybody, those who hold the operator's registration token, or nobody any more. */
import { createHash, timingSafeEqual } from "node:crypto";

/** `token`: only with `Authorization: Bearer <token>`, the token of the hub's operator. */
export type RegistrationPolicy = { mode: "open" } | { mode: "closed" } | { mode: "token"; token: string };

export interface RegistrationRefusal {
  status: 401 | 403;
  body: { error: string; hint: string };
}

/** Undefined: go on. `bearer`: what the caller sent. */
export function registrationRefusal(policy: RegistrationPolicy, bearer: string | undefined): RegistrationRefusal | undefined {
  switch (policy.mode) {
    case "open":
      return undefined;
    case "closed":
      return { status: 403, body: { error: "registration_closed", hint: "ask the hub's operator for a token" } };
    case "token":
      if (bearer !== undefined && isSame(bearer, policy.token)) return undefined;
      return {
        status: 401,
        body: { error: "unauthorized", hint: "provide Authorization: Bearer <registration token>, from the hub's operator" },
      };
  }
}

/** Digests have one length, whatever the length of the guess, and are compared in constant time. */
function isSame(guess: string, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(guess), digest(token));
}
