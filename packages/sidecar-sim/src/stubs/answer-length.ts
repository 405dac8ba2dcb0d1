/**
 * A client that plans its tasks names the length of an answer to the Claude stub here, in tokens; the real API ignores it. `max_tokens`
 * would not do: the output limit is charged with it until the answer has ended.
 */
export const ANSWER_TOKENS_HEADER = "x-stub-answer-tokens";
