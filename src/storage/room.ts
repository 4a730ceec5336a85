type Waiting = { readonly bytes: number; readonly enter: () => void };

/**
 * A bound on the memory that many writers hold together. Who asks for more than is left waits until others have given theirs back, in the
 * order of asking; one that asks for more than all of it has it alone.
 */
export class Room {
  readonly #mostBytes: number;
  readonly #waiting: Waiting[] = [];
  #takenBytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Resolves to what gives the room back; calling it again changes nothing. */
  async take(bytes: number): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ bytes, enter: resolve });
    this.#admit();
    await promise;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#takenBytes -= bytes;
      this.#admit();
    };
  }

  #admit(): void {
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      const isAlone = this.#takenBytes === 0;
      if (!isAlone && this.#takenBytes + next.bytes > this.#mostBytes) return;
      this.#waiting.shift();
      this.#takenBytes += next.bytes;
      next.enter();
    }
  }
}
