import { expect, test } from "@jest/globals";
import {
  checkpointHeaders,
  storedHeaders,
  tileHeaders,
} from "../../../src/ledger/served-headers.ts";

test("whoever reads the published ledger from its bucket is told that the checkpoint is text and never kept, and that tiles and bundles are bytes that never change", () => {
  expect(storedHeaders("ledger/checkpoint")).toEqual({
    contentType: "text/plain; charset=utf-8",
    cacheControl: "no-cache",
  });
  const forEver = {
    contentType: "application/octet-stream",
    cacheControl: "max-age=31536000, immutable",
  };
  for (const tile of ["0/000", "1/000.p/3", "entries/x001/x234/067", "entries/000.p/44"])
    expect([tile, storedHeaders(`ledger/tile/${tile}`)]).toEqual([tile, forEver]);
});

test("nothing is said of what is no file of the published ledger", () => {
  for (const key of ["objects/0f", "ledger/", "ledger/tile/0/0", "ledger/notes", "checkpoint"])
    expect([key, storedHeaders(key)]).toEqual([key, null]);
});

test("the server's answers and the bucket's have their content types from one place", () => {
  expect(storedHeaders("ledger/checkpoint")?.contentType).toBe(checkpointHeaders.contentType);
  expect(storedHeaders("ledger/tile/0/000")).toEqual(tileHeaders);
});
