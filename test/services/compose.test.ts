import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "@jest/globals";
import { readConfig } from "../../src/config.ts";
import { findComposeLoader } from "../support/compose/loader.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const file = join(root, "docker-compose.yml");

type Service = {
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly host_ip?: string; readonly published?: string }[];
  readonly privileged?: boolean;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly user?: string;
  readonly volumes?: readonly { readonly type: string }[];
};
type Project = { readonly services: Readonly<Record<string, Service>> };

const loader = findComposeLoader();
if ("absent" in loader) console.warn(`The Compose file is not loaded: ${loader.absent}`);
afterAll(() => {
  if (!("absent" in loader)) loader.remove();
});

/** Runs where something on this machine can load a Compose file. */
const testLoaded = "absent" in loader ? test.skip : test;

function load(path: string): Project {
  if ("absent" in loader) throw new Error(loader.absent);
  return loader.load(path) as Project;
}

testLoaded("docker-compose.yml is what Docker Compose accepts", () => {
  expect(Object.keys(load(file).services).sort()).toEqual([
    "kms",
    "migrate",
    "postgres",
    "s3",
    "vault",
  ]);
});

testLoaded("a Compose file that says what no Compose file can is not accepted", () => {
  const folder = mkdtempSync(join(tmpdir(), "weightvault-compose-test-"));
  const broken = join(folder, "docker-compose.yml");
  const text = readFileSync(file, "utf8");
  for (const [from, to, about] of [
    ["image: postgres:18-alpine", "image: [postgres]", /image/],
    ["read_only: true", "read_lonely: true", /read_lonely/],
    ["postgres: { condition", "postgresql: { condition", /postgresql/],
  ] as const) {
    expect(text).toContain(from);
    writeFileSync(broken, text.replace(from, to));
    expect(() => load(broken)).toThrow(about);
  }
  rmSync(folder, { recursive: true });
});

testLoaded("every published port is bound to the loopback", () => {
  const published = Object.entries(load(file).services).flatMap(([name, { ports = [] }]) =>
    ports.map((port) => [name, port.host_ip]),
  );
  expect(published.length).toBeGreaterThan(3);
  for (const [name, address] of published) expect([name, address]).toEqual([name, "127.0.0.1"]);
});

testLoaded(
  "the vault's services have settings that the vault knows, and no more rights than they need",
  () => {
    const { services } = load(file);
    const ours = Object.entries(services).filter(([, { build }]) => build !== undefined);
    expect(ours.map(([name]) => name).sort()).toEqual(["migrate", "vault"]);
    for (const [, { environment = {}, user, privileged }] of ours) {
      expect(() => readConfig(environment)).not.toThrow();
      expect([user, privileged ?? false]).toEqual([undefined, false]);
    }
    expect(services["vault"]).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
    for (const { type } of services["vault"]?.volumes ?? []) expect(type).toBe("volume");
  },
);

test("the text of docker-compose.yml binds every port to the loopback", () => {
  const ports = readFileSync(file, "utf8").match(/^ +ports:.*$/gm) ?? [];
  expect(ports.length).toBeGreaterThan(3);
  for (const line of ports) expect(line).toMatch(/ports: \["127\.0\.0\.1:\d+:\d+"\]$/);
});

test("the image runs as an unprivileged user", () => {
  const instructions = readFileSync(join(root, "Dockerfile"), "utf8").split("\n");
  const last = instructions.slice(instructions.findLastIndex((line) => line.startsWith("FROM ")));
  expect(last.filter((line) => line.startsWith("USER "))).toEqual(["USER node"]);
  const isAfterUser = last.slice(last.indexOf("USER node"));
  expect(isAfterUser.some((line) => line.startsWith("CMD "))).toBe(true);
});
