import { expect, test } from "@jest/globals";
import { withSeen } from "../../../src/cli/ledger-kept-growth.ts";
import type { State } from "../../../src/cli/ledger-monitor-state.ts";

const note = (size: number) => `vault.example/ledger\n${size}\nroot\n`;

test("a vault that signs checkpoints without end does not fill what a monitor remembers: it keeps the first ones and always the newest", () => {
  let state: State = {
    checkpoint: note(1),
    lastLeafHex: "",
    reachedAt: "2026-11-23T09:00:00.000Z",
    rotations: [],
    meaning: null,
    growth: null,
  };
  for (let size = 2; size <= 400; size += 1) state = withSeen(state, Buffer.from(note(size)));
  const seen = state.growth?.towards ?? [];
  expect([seen.length, seen[0], seen.at(-2), seen.at(-1)]).toEqual([
    100,
    note(2),
    note(100),
    note(400),
  ]);
  expect(withSeen(state, Buffer.from(note(400)))).toEqual(state);
});
