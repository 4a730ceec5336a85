import { parentPort } from "node:worker_threads";
import { isRefusal, type RefusalCode } from "../errors.ts";
import { Slot, type SlotWork } from "./slot.ts";

export type Handed = {
  readonly memory: ArrayBuffer;
  readonly key: SharedArrayBuffer;
  readonly work: SlotWork;
};

export type Outcome =
  | { readonly sizeBytes: number }
  | { readonly refusal: RefusalCode; readonly message: string }
  | { readonly message: string };

export type Answered = { readonly memory: ArrayBuffer; readonly outcome: Outcome };

// The far side of `SegmentPool`: works on slots in the order in which they come, and answers each. It keeps nothing, no key either.
parentPort?.on("message", ({ memory, key, work }: Handed) => {
  const outcome = outcomeOf(new Slot(work.layout, memory, key), work);
  parentPort?.postMessage({ memory, outcome } satisfies Answered, [memory]);
});

function outcomeOf(slot: Slot, work: SlotWork): Outcome {
  try {
    return { sizeBytes: slot.work(work) };
  } catch (error) {
    if (isRefusal(error)) return { refusal: error.code, message: error.message };
    return { message: Error.isError(error) ? error.message : "a segment could not be worked on" };
  }
}
