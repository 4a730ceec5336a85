import { parentPort } from "node:worker_threads";
import { Refusal } from "../errors.ts";
import type { Answer, Order } from "./verify-pool.ts";
import { StoredDigester } from "./verify-stored.ts";

// The far side of `DigestPool`: takes bundles in order, and answers each with its digest and with the memory that it came in.
const digester = new StoredDigester();

parentPort?.on("message", (order: Order) => {
  const answer = answerTo(order);
  parentPort?.postMessage(answer, memoryOf(answer));
});

function answerTo({ stored, handed, room }: Order): Answer {
  if (handed !== undefined) {
    const digest = digester.digest(handed, room);
    return { digest, leafBytes: handed.leafTile?.length ?? null, spent: [handed.bundle.buffer] };
  }
  try {
    return { ...digester.digestStored(stored, room), spent: [] };
  } catch (error) {
    // A refusal would arrive as an error of no class.
    if (!(error instanceof Refusal)) throw error;
    return { unreadable: { message: error.message, cause: error.cause } };
  }
}

/** What is handed over instead of being copied. */
function memoryOf(answer: Answer): readonly ArrayBuffer[] {
  if ("unreadable" in answer) return [];
  const { digest, spent } = answer;
  const made = digest === null ? [] : [digest.text.buffer, digest.leaves.buffer];
  return [...spent, ...made].filter((memory) => memory instanceof ArrayBuffer);
}
