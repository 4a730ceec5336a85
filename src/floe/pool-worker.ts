import { parentPort } from "node:worker_threads";
import { isRefusal, type RefusalCode } from "../errors.ts";
import { Scratch, Slot, type SlotWork } from "./slot.ts";

export type Handed = {
  readonly memory: ArrayBuffer;
  readonly key: SharedArrayBuffer;
  readonly work: SlotWork;
};

export type Outcome =
  | { readonly sizeBytes: number }
  | { readonly refusal: RefusalCode; readonly message: string }
  | { readonly message: string; readonly code?: string };

export type Answered = { readonly memory: ArrayBuffer; readonly outcome: Outcome };

// Node tells a key in bytes from other keys by two errors that it throws and catches, for every segment: without their stacks they cost a third
// of what opening one does. No stack of an error leaves this thread.
Error.stackTraceLimit = 0;

const scratch = new Scratch();

// The far side of `SegmentPool`: works on slots in the order in which they come, and answers each. It keeps nothing but memory for a sealed segment, no key
// either.
parentPort?.on("message", ({ memory, key, work }: Handed) => {
  const outcome = outcomeOf(new Slot(work.layout, memory, key), work);
  parentPort?.postMessage({ memory, outcome } satisfies Answered, [memory]);
});

function outcomeOf(slot: Slot, work: SlotWork): Outcome {
  try {
    return { sizeBytes: slot.work(work, scratch) };
  } catch (error) {
    if (isRefusal(error)) return { refusal: error.code, message: error.message };
    if (!Error.isError(error)) return { message: "a segment could not be worked on" };
    // What the system said of a file, such as that there is no room for more of it.
    const isTold = "code" in error && typeof error.code === "string";
    return { message: error.message, ...(isTold && { code: error.code as string }) };
  }
}
