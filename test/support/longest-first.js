import Sequencer from "@jest/test-sequencer";

/** What takes far longer than its size lets expect, and would keep one worker busy after all others have ended. */
const longest = ["kill-loop", "kill-steps", "kill-parts"];

/** Jest's own order, after the tests that take minutes. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    const placeOf = ({ path }) => {
      const place = longest.findIndex((name) => path.endsWith(`/services/${name}.test.ts`));
      return place < 0 ? longest.length : place;
    };
    return super.sort(tests).toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}
