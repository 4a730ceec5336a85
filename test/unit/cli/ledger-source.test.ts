import { createServer } from "node:http";
import { expect, test } from "@jest/globals";
import { serverLedger } from "../../../src/cli/ledger-source.ts";
import { nothingSigned, signRotation } from "../../../src/merkle/rotation.ts";
import { fixedSigner } from "../../vectors/ledger/build.ts";

test("a server's ledger tells the rotations that its key's answer names, and none where that is too long or no answer", async () => {
  const [first, second] = [fixedSigner(7), fixedSigner(8)];
  const statement = await signRotation(first, second, nothingSigned);
  const keys = [
    { lastSize: 9, statement: null },
    { lastSize: null, statement },
  ];
  let answer = JSON.stringify({ verificationKey: second.verificationKey, keys });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const url = new URL(`http://127.0.0.1:${address.port}/vault`);
    const { rotations } = serverLedger({ url, token: null, timeoutMs: 5_000 });
    expect(await rotations?.()).toEqual([{ index: 8, statement }]);
    expect(asked).toEqual(["/vault/v1/ledger/key"]);
    answer = answer.replace("{", `{"padding":"${"x".repeat(2 ** 21)}",`);
    expect(await rotations?.()).toEqual([]);
    answer = "hello";
    expect(await rotations?.()).toEqual([]);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
