/** What the first bytes and the name of a file show it to be. Nothing is decided by running or loading it. */
export type Format = "safetensors" | "gguf" | "safetensors-index" | "pickle" | "archive" | "other";

/** How many first bytes are enough to tell. */
export const formatBytes = 4_096;

const pickleNames = /\.(bin|pt|pth|ckpt|pkl|pickle)$/i;
const ascii = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

/**
 * Tells pickles by their content before their name, so that a pickle called `model.safetensors` is one still: the opening of a pickle of protocol
 * 2 to 5, or a zip archive, which is what PyTorch writes around `data.pkl`.
 */
export function formatOf(name: string, start: Uint8Array): Format {
  const text = ascii(start.subarray(0, formatBytes));
  if (text.startsWith("PK\u0003\u0004") || text.startsWith("PK\u0005\u0006"))
    return text.includes("data.pkl") || pickleNames.test(name) ? "pickle" : "archive";
  if (isPickleOpening(start) && !isHeader(text)) return "pickle";
  if (text.startsWith("GGUF")) return "gguf";
  if (name.endsWith(".safetensors.index.json")) return "safetensors-index";
  if (pickleNames.test(name)) return "pickle";
  return name.endsWith(".safetensors") || isHeader(text) ? "safetensors" : "other";
}

/** The opcode PROTO and a protocol from 2 to 5. */
function isPickleOpening([opcode, protocol = 0]: Uint8Array): boolean {
  return opcode === 0x80 && protocol >= 2 && protocol <= 5;
}

/** Eight bytes of a length below four gigabytes and the opening of a JSON object: by chance the length may begin as a pickle does. */
function isHeader(text: string): boolean {
  return text.startsWith("\0\0\0\0{", 4);
}
