import { giveBack } from "../floe/memory.ts";

/**
 * Hands chunks on to a consumer that keeps none of them: each is freed as soon as the next is asked for. Only for a source that makes
 * its chunks for this consumer and does not look at them again.
 */
export async function* lend(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    yield chunk;
    giveBack(chunk);
  }
}
