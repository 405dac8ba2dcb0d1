import { expect, test } from "vitest";
import { takeTurns } from "./turns.ts";

/** A search that is finished after `trials`, and would have gained by more until it has had `most`. */
function searchOf(id: string, trials: number, most: number) {
  let had = 0;
  return {
    id,
    tried: () => void had++,
    get finished() {
      return had >= trials;
    },
    get wouldGainByMore() {
      return had >= trials && had < most;
    },
  };
}

async function orderOf(searches: readonly ReturnType<typeof searchOf>[], trialsInTime: number): Promise<string> {
  const order: string[] = [];
  const trial = async (search: ReturnType<typeof searchOf>) => {
    search.tried();
    order.push(search.id);
  };
  await takeTurns(searches, trial, () => order.length < trialsInTime);
  return order.join("");
}

test("hubs take turns until each has had its trials, whatever the time", async () => {
  expect(await orderOf([searchOf("a", 3, 3), searchOf("b", 1, 1), searchOf("c", 2, 2)], 0)).toBe("abcaca");
});

test("then those that gain by it get more, in turn, until they would not or the time is over", async () => {
  expect(await orderOf([searchOf("a", 1, 3), searchOf("b", 1, 1), searchOf("c", 1, 2)], 99)).toBe("abcaca");
  expect(await orderOf([searchOf("a", 1, 9), searchOf("b", 1, 1), searchOf("c", 1, 9)], 6)).toBe("abcaca");
  expect(await orderOf([searchOf("a", 1, 9), searchOf("b", 1, 1), searchOf("c", 1, 9)], 4)).toBe("abca");
});
