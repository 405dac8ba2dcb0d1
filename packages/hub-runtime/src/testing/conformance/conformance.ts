import type { ConformanceCase } from "./conformance-case.ts";
import { endpointCases } from "./endpoint-cases.ts";
import { httpCases } from "./http-cases.ts";
import { messageCases } from "./message-cases.ts";
import { rateLimitCases } from "./rate-limit-cases.ts";
import { schedulingCases } from "./scheduling-cases.ts";
import { sessionCases } from "./session-cases.ts";
import { sizeCases } from "./size-cases.ts";
import { submissionKeyCases } from "./submission-key-cases.ts";
import { taskCases } from "./task-cases.ts";
import { taskRouteCases } from "./task-route-cases.ts";
import { traceCases } from "./trace-replay.ts";

/**
 * What every hub must do, by URL only. Cases use names of their own, so that they may run against a hub in use, one after
 * another in any order; tasks, messages and registrations stay behind.
 */
export const conformanceCases: readonly ConformanceCase[] = [
  ...traceCases,
  ...httpCases,
  ...taskRouteCases,
  ...sessionCases,
  ...messageCases,
  ...taskCases,
  ...sizeCases,
  ...submissionKeyCases,
  ...schedulingCases,
  ...endpointCases,
  ...rateLimitCases,
];
