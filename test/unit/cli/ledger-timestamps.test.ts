import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { readTimestamps } from "../../../src/cli/ledger-timestamps.ts";

test("a stamp that is published while its ledger is verified is not held against the checkpoint of before", async () => {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-stamps-"));
  try {
    await mkdir(join(folder, "timestamp"));
    const stamp = async (size: number) => {
      for (const part of ["checkpoint", "tsr"])
        await writeFile(join(folder, "timestamp", `${size}.${part}`), part);
    };
    await stamp(4);
    const certificate = join(folder, "authority.pem");
    await writeFile(certificate, "-----BEGIN CERTIFICATE-----");
    const { stamped } = await readTimestamps(folder, certificate);
    await stamp(9);
    const found: unknown[] = [];
    for await (const { checkpoint, response } of stamped)
      found.push([String(checkpoint), String(response)]);
    expect(found).toEqual([["checkpoint", "tsr"]]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a file without a certificate is named, before anything is held to it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-stamps-"));
  try {
    const garbage = join(folder, "authority.pem");
    await writeFile(garbage, "garbage");
    await expect(readTimestamps(folder, garbage)).rejects.toThrow(
      `${garbage} holds no certificate in PEM`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
