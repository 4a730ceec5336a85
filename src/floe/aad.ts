const objectIdBytes = 16;
const label = Buffer.from("weightvault/object/v1\0", "latin1");

/**
 * What an object's header and segments are bound to: its id, 16 bytes, and nothing that may change. Path and name are not in it, so
 * a file is renamed without sealing it again. Throws on an id of another size.
 */
export function objectAad(objectId: Uint8Array): Buffer {
  if (objectId.length !== objectIdBytes) throw new RangeError("an object id has 16 bytes");
  return Buffer.concat([label, objectId]);
}
