import { expect, test } from "@jest/globals";
import { HeldRelease, type NamedFile } from "../../../src/cli/held-release.ts";
import type { ObtainedRelease } from "../../../src/cli/obtain.ts";
import { Secret } from "../../../src/crypto/secret.ts";

const named = (path: string): NamedFile => ({
  path,
  size: 5,
  sha256: "ab".repeat(32),
  object: "5f0c0a3e-0000-4000-8000-000000000001",
});

/** Releases of what is asked for, one after the other, each for ten seconds. */
function vault(change: (file: NamedFile) => NamedFile = (same) => same) {
  const asked: (readonly string[])[] = [];
  const clock = { ms: 0 };
  const obtain = async (paths: readonly string[]): Promise<ObtainedRelease> => {
    asked.push(paths);
    return {
      release: `r${asked.length}`,
      revision: "ab".repeat(20),
      endsAtMs: clock.ms + 10_000,
      index: asked.length,
      files: paths.map((path) => ({
        ...change(named(path)),
        objectBytes: 111,
        key: new Secret(Buffer.alloc(32, asked.length)),
      })),
    };
  };
  return { asked, clock, options: { obtain, now: () => clock.ms } };
}

test("one release serves every file while it lasts", async () => {
  const { asked, options } = vault();
  using held = new HeldRelease(options, [named("a"), named("b")]);
  for (const path of ["a", "b"]) (await held.begin(path)).key.wipe();
  expect(asked).toEqual([["a", "b"]]);
});

test("a release that is about to end is not begun with, and the next is of what is still wanted", async () => {
  const { asked, clock, options } = vault();
  using held = new HeldRelease(options, [named("a"), named("b"), named("c")]);
  await held.begin("a");
  held.finished("a");
  clock.ms = 5_001;
  const { key } = await held.begin("b");
  expect(key.expose()[0]).toBe(2);
  expect(asked).toEqual([
    ["a", "b", "c"],
    ["b", "c"],
  ]);
  expect(held.obtained.map(({ release }) => release)).toEqual(["r1", "r2"]);
});

test("a release of no length serves one file all the same", async () => {
  const { asked, clock, options } = vault();
  using held = new HeldRelease(options, [named("a"), named("b")]);
  await held.current();
  clock.ms = 9_999;
  await held.begin("a");
  expect(asked).toHaveLength(1);
  await held.begin("b");
  expect(asked).toHaveLength(2);
});

test("many readers that find a release ended ask for one other", async () => {
  const { asked, options } = vault();
  using held = new HeldRelease(options, [named("a")]);
  const first = await held.current();
  const next = await Promise.all([held.after(first), held.after(first), held.begin("a")]);
  expect(asked).toHaveLength(2);
  expect(next.slice(0, 2).map((each) => (each as ObtainedRelease).release)).toEqual(["r2", "r2"]);
  expect((await held.after(first)).release).toBe("r2");
  expect(asked).toHaveLength(2);
});

test.each<[string, (file: NamedFile) => NamedFile]>([
  ["another digest", (file) => ({ ...file, sha256: "cd".repeat(32) })],
  ["another size", (file) => ({ ...file, size: 6 })],
  ["another object", (file) => ({ ...file, object: "5f0c0a3e-0000-4000-8000-000000000002" })],
  ["another path", (file) => ({ ...file, path: "z" })],
])("a release that names %s than the revision is refused", async (_, change) => {
  using held = new HeldRelease(vault(change).options, [named("a")]);
  await expect(held.current()).rejects.toMatchObject({ exit: "integrity" });
});

test("the keys are wiped when they are not wanted any more, but for those given away", async () => {
  const { options } = vault();
  const held = new HeldRelease(options, [named("a")]);
  const first = await held.current();
  const given = await held.begin("a");
  await held.after(first);
  expect(() => first.files[0]?.key.expose()).toThrow("wiped");
  const second = await held.current();
  held[Symbol.dispose]();
  expect(() => second.files[0]?.key.expose()).toThrow("wiped");
  expect(given.key.expose()[0]).toBe(1);
});
