import { expect, test } from "@jest/globals";
import { type Before, judge, type SiteVerdict } from "../../../src/vault/review.ts";

const rulebook = "ab".repeat(32);

function from(site: string, verdict: SiteVerdict["verdict"], check = "subject"): SiteVerdict {
  const outcome = verdict === "deny" ? "fail" : "unknown";
  return { site, verdict, checks: verdict === "allow" ? [] : [{ check, outcome }], rulebook };
}

const nothing: Before = { wasAllowed: false, sitesAllowing: null, isFlagged: false, verdicts: [] };

/** What is known after a grant was decided. */
function after(before: Before, ...found: readonly SiteVerdict[]): Before {
  const { verdicts, wasAllowed, sitesAllowing, isFlagged } = judge(before, found);
  return {
    wasAllowed,
    sitesAllowing,
    isFlagged,
    verdicts: verdicts.map((each) => ({ ...each, was_allowed: each.wasAllowed })),
  };
}

test("a first verdict flags nothing, whatever it is", () => {
  for (const verdict of ["allow", "deny", "hold"] as const)
    expect(judge(nothing, [from("us", verdict)])).toMatchObject({
      isFlagged: false,
      isNewlyFlagged: false,
      isLost: false,
      isChanged: true,
    });
});

test("a grant that a release was made under has passed, though nobody looked before", () => {
  const judged = judge({ ...nothing, wasAllowed: true }, [from("us", "hold", "destination")]);
  expect(judged).toMatchObject({
    isNewlyFlagged: true,
    isLost: true,
    verdict: "hold",
    checks: ["destination"],
  });
});

test("one site that falls is flagged and keeps the grant; the last one loses it", () => {
  const passing = after(nothing, from("de", "allow"), from("us", "allow"));
  const one = [from("de", "deny", "export-rs"), from("us", "allow")];
  expect(judge(passing, one)).toMatchObject({
    isFlagged: true,
    isNewlyFlagged: true,
    isLost: false,
    sitesAllowing: 1,
    verdict: "deny",
    checks: ["export-rs"],
  });
  const fallen = after(passing, ...one);
  expect(judge(fallen, one)).toMatchObject({ isNewlyFlagged: false, isChanged: false });
  const both = [from("de", "deny", "export-rs"), from("us", "hold", "nationality")];
  expect(judge(fallen, both)).toMatchObject({
    isNewlyFlagged: true,
    isLost: true,
    verdict: "deny",
    checks: ["export-rs", "nationality"],
  });
});

test("a site that never allowed is not flagged beside one that does", () => {
  const passing = after(nothing, from("cn", "deny"), from("us", "allow"));
  expect(judge(passing, [from("cn", "hold"), from("us", "allow")])).toMatchObject({
    isFlagged: false,
    isChanged: true,
  });
});

test("a grant is clear again when every site that allowed it does", () => {
  const lost = after(after(nothing, from("us", "allow")), from("us", "deny"));
  expect(lost).toMatchObject({ isFlagged: true, sitesAllowing: 0 });
  expect(judge(lost, [from("us", "allow")])).toMatchObject({ isFlagged: false, isLost: false });
  expect(judge(lost, [from("us", "hold")])).toMatchObject({
    isFlagged: true,
    isNewlyFlagged: false,
    isLost: true,
    isChanged: true,
  });
});

test("a grant whose only site is no site any more is lost", () => {
  const passing = after(nothing, from("us", "allow"));
  expect(judge(passing, [from("de", "hold", "destination")])).toMatchObject({
    isNewlyFlagged: true,
    isLost: true,
    checks: ["destination"],
  });
  expect(judge(passing, [])).toMatchObject({ isLost: true, verdict: "hold", checks: [] });
});

test("another check in the way is a change, though the verdict is the same", () => {
  const denied = after(nothing, from("us", "deny", "subject"));
  expect(judge(denied, [from("us", "deny", "subject")]).isChanged).toBe(false);
  expect(judge(denied, [from("us", "deny", "export-rs")]).isChanged).toBe(true);
});
