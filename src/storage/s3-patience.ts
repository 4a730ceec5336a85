/** Longer than one attempt is given, and shorter than a caller of ours waits for an answer. */
const patienceMs = 45_000;

/**
 * Asks for an answer that has a beginning, with all the client's attempts, and gives up on a store that takes connections and says nothing: each attempt would
 * wait its whole time anew. What comes behind the beginning has its own time. Throws the client's `AbortError` then.
 */
export async function withPatience<Answer>(
  ask: (signal: AbortSignal) => Promise<Answer>,
  longestMs = patienceMs,
): Promise<Answer> {
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), longestMs);
  try {
    return await ask(waiting.signal);
  } finally {
    clearTimeout(timer);
  }
}
