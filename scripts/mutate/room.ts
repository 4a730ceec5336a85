import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";
import { type Module, SourceTextModule, SyntheticModule } from "node:vm";
import { type Stated, take } from "./jest-globals.ts";

/** One test of a file. */
export type Test = Stated & { readonly file: string };

/** What stands in for a package: the URL of a module, which may give its members by another name. */
const standIns: Readonly<Record<string, string>> = {
  "@jest/globals": new URL("./jest-globals.ts", import.meta.url).href,
  "fast-check": new URL("./fast-check.ts", import.meta.url).href,
};

/** A module with another text, and the test files that notice. */
export type Changing = {
  readonly files: readonly string[];
  readonly load: (file: string) => Promise<readonly Test[]>;
};

/** Modules by their URL. */
type Modules = Map<string, SourceTextModule>;

/**
 * The test files and the modules that they load, in this thread. Nothing is written to disk: a changed module lives in memory, with
 * fresh instances of what imports it and the old ones of what does not.
 */
export class Room {
  readonly #files: readonly string[];
  readonly #sources = new Map<string, string>();
  readonly #foreign = new Map<string, Module>();
  readonly #importers = new Map<string, Set<string>>();
  #clean: Modules = new Map();

  /** Of the URLs of test files. */
  constructor(files: readonly string[]) {
    this.#files = files;
  }

  /** Loads everything as it stands. */
  async load(): Promise<readonly Test[]> {
    const tests: Test[] = [];
    for (const file of this.#files) tests.push(...(await this.#testsOf(file, this.#clean, null)));
    for (const [url, module] of this.#clean)
      for (const { specifier } of module.moduleRequests) {
        const imported = resolved(specifier, url);
        if (imported === null) continue;
        this.#importers.set(imported, (this.#importers.get(imported) ?? new Set()).add(url));
      }
    return tests;
  }

  /**
   * The files that reach a module, and how to load each of them with the module's text changed. Loading throws what the changed modules throw
   * while they load.
   */
  change(url: string, text: string): Changing {
    const changed = this.#dependents(url);
    const modules: Modules = new Map([...this.#clean].filter(([each]) => !changed.has(each)));
    return {
      files: this.#files.filter((file) => changed.has(file)),
      load: async (file) => await this.#testsOf(file, modules, { url, text }),
    };
  }

  /** A module and whatever imports it, directly or through others. */
  #dependents(url: string): ReadonlySet<string> {
    const found = new Set([url]);
    for (const each of found)
      for (const importer of this.#importers.get(each) ?? []) found.add(importer);
    return found;
  }

  async #testsOf(file: string, modules: Modules, change: Change): Promise<readonly Test[]> {
    const module = await this.#moduleAt(file, modules, change);
    if (module.status === "unlinked" || module.status === "linked") module.instantiate();
    await module.evaluate();
    return take().map((test) => ({ ...test, file }));
  }

  async #moduleAt(url: string, modules: Modules, change: Change): Promise<SourceTextModule> {
    const known = modules.get(url);
    if (known !== undefined) return known;
    const module = new SourceTextModule(change?.url === url ? change.text : this.#sourceOf(url), {
      identifier: url,
      initializeImportMeta: (meta) => {
        meta.url = url;
      },
    });
    modules.set(url, module);
    const imported: Module[] = [];
    for (const { specifier } of module.moduleRequests) {
      const at = resolved(specifier, url);
      imported.push(
        at === null ? await this.#packageOf(specifier) : await this.#moduleAt(at, modules, change),
      );
    }
    module.linkRequests(imported);
    return module;
  }

  /** The text without its types, blanked so that every offset stays. */
  #sourceOf(url: string): string {
    const known = this.#sources.get(url);
    if (known !== undefined) return known;
    const source = runnable(readFileSync(fileURLToPath(url), "utf8"));
    this.#sources.set(url, source);
    return source;
  }

  /** A package or a module of Node, loaded once: nothing in it is ever changed. */
  async #packageOf(specifier: string): Promise<Module> {
    const known = this.#foreign.get(specifier);
    if (known !== undefined) return known;
    const loaded = (await import(standIns[specifier] ?? specifier)) as Record<string, unknown>;
    const names = Object.keys(loaded);
    const module = new SyntheticModule(names, () => {
      for (const name of names) module.setExport(name, loaded[name]);
    });
    await module.link(() => module);
    await module.evaluate();
    this.#foreign.set(specifier, module);
    return module;
  }
}

type Change = { readonly url: string; readonly text: string } | null;

/** What is left of a file at run time, at the offsets where it stands in the file. */
export function runnable(text: string): string {
  return stripTypeScriptTypes(text, { mode: "strip" });
}

/** Whether a text can run at all. */
export function parses(text: string): boolean {
  try {
    new SourceTextModule(text);
    return true;
  } catch {
    return false;
  }
}

/** The file that a relative import names; null for a package. */
function resolved(specifier: string, from: string): string | null {
  return specifier.startsWith(".") ? new URL(specifier, from).href : null;
}
