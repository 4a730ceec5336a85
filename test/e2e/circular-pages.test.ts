import { expect, test } from "@jest/globals";
import { fixedSigner } from "../vectors/ledger/build.ts";
import { idOf } from "../vectors/ledger/story.ts";
import { weightvaultHere } from "./command.ts";
import { answer, type Handler, serveHttp } from "./http-double.ts";

const limit = 10;

/** How a command ends that asks such a server, which is away once it was asked too often for a list of two pages. */
async function asking(list: string, handle: Handler, args: readonly string[]) {
  let lists = 0;
  await using server = await serveHttp(async (request, response) => {
    if (request.url?.split("?")[0] === list) lists += 1;
    if (lists > limit) answer(response, 503, { status: 503, code: "away", title: "away" });
    else await handle(request, response);
  });
  const { verificationKey } = fixedSigner(7);
  const env = { WEIGHTVAULT_URL: server.url, WEIGHTVAULT_LEDGER_KEY: verificationKey };
  const { code, stderr } = await weightvaultHere(args, { env });
  return { code, stderr, lists };
}

test("a search whose cursor comes again, or whose pages bring nothing new, ends and says so", async () => {
  const list = "/v1/records/search";
  const search = ["records", "search", "--country", "IN"];
  const page = (at: number) => [{ noun: "release", id: idOf(`release ${at}`) }];
  for (const { records, next } of [
    { records: page, next: () => "7" },
    { records: () => page(1), next: String },
  ]) {
    let asked = 0;
    const handle: Handler = (_, response) => {
      asked += 1;
      answer(response, 200, { records: records(asked), next: next(asked) });
    };
    const ended = await asking(list, handle, search);
    expect(ended).toMatchObject({ code: 1, lists: 2 });
    expect(ended.stderr).toContain("the server's list of records does not go on");
  }
});

test("a repository whose list of revisions goes round in circles ends the story of an object, and says so", async () => {
  const list = "/v1/repositories/lab/model/revisions";
  const pages = ["a", "b"].map((letter) =>
    Array.from({ length: 200 }, (_, at) => `${letter}${`${at}`.padStart(39, "0")}`),
  );
  let asked = 0;
  const handle: Handler = ({ url = "" }, response) => {
    if (!url.startsWith(list)) return answer(response, 404, { status: 404, code: "not_found" });
    if (url.startsWith(`${list}/`)) return answer(response, 200, { files: [] });
    const page = pages[asked % 2] ?? [];
    asked += 1;
    return answer(response, 200, { revisions: page.map((revision) => ({ revision })) });
  };
  const trace = ["ledger", "trace", "object", idOf("object"), "--in", "lab/model"];
  const ended = await asking(list, handle, trace);
  expect(ended).toMatchObject({ code: 1, lists: 3 });
  expect(ended.stderr).toContain("the server's list of revisions does not go on");
});
