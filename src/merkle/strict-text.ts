const decimalPattern = /^(?:0|[1-9][0-9]{0,15})$/;

/** An ASCII decimal without sign or leading zeros, up to 2^53-1; null for any other text. */
export function parseDecimal(text: string): number | null {
  if (!decimalPattern.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/** The bytes of canonical, padded base64 (RFC 4648, section 4); null where another spelling of the same bytes, or no bytes, were sent. */
export function parseBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : null;
}

/** The text of well-formed UTF-8, its byte order mark kept as a character; null for anything else. */
export function parseUtf8(bytes: Uint8Array | string): string | null {
  if (typeof bytes === "string") return bytes.isWellFormed() ? bytes : null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
