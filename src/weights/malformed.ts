/** Why a file is not taken for weights: a whole sentence about its header. Nothing of the file was run or loaded. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

/** Whether a thrown value says that a file is malformed. */
export function isMalformed(thrown: unknown): thrown is Malformed {
  return thrown instanceof Malformed;
}
