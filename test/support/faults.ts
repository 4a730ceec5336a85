/** What happens at one call of a port, in place of (`before`) or after what the port does. It throws, or does anything else. */
export type Fault = {
  /** Which method's calls are counted, for example `wrap` or `writer.complete`; any method where it is left out. */
  readonly method?: string;
  /** 1 is the next call after arming. */
  readonly nth: number;
  readonly when: "before" | "after";
  readonly act: () => void | Promise<void>;
};

export type Faulty<Port extends object> = {
  readonly port: Port;
  /** Adds a fault, which happens once. */
  arm(fault: Fault): void;
  disarm(): void;
  /** The methods called since the beginning, in order. */
  readonly calls: readonly string[];
};

type Armed = { readonly fault: Fault; left: number };
type Method = (...parameters: readonly unknown[]) => unknown;

/** Methods that give an async iterable; all others of our ports give promises. */
const iterating = new Set(["read", "list"]);

/** `() => { throw error }`, as a fault's act. */
export function failing(error: Error): () => never {
  return () => {
    throw error;
  };
}

/** The port's next call of the method waits before it does anything: `entered` resolves when it has come, and `release` lets it go on. */
export function holdNext({ arm }: Pick<Faulty<object>, "arm">, method: string) {
  const [entered, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const act = async () => {
    entered.resolve();
    await released.promise;
  };
  arm({ method, nth: 1, when: "before", act });
  return { entered: entered.promise, release: released.resolve };
}

/** A port that does what the given one does, until a fault is armed. The blob writer that a store gives is wrapped too. */
export function withFaults<Port extends object>(port: Port): Faulty<Port> {
  const armed: Armed[] = [];
  const calls: string[] = [];
  const due = (method: string): readonly Fault[] => {
    calls.push(method);
    const counting = armed.filter(({ fault }) => (fault.method ?? method) === method);
    for (const each of counting) each.left -= 1;
    return counting.filter(({ left }) => left === 0).map(({ fault }) => fault);
  };
  return {
    port: wrap(port, "", due),
    arm: (fault) => {
      armed.push({ fault, left: fault.nth });
    },
    disarm: () => {
      armed.length = 0;
    },
    calls,
  };
}

function wrap<Port extends object>(
  port: Port,
  prefix: string,
  due: (method: string) => readonly Fault[],
): Port {
  return new Proxy(port, {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function" || typeof property !== "string") return member;
      const method = (...parameters: readonly unknown[]): unknown =>
        Reflect.apply(member as Method, target, parameters);
      const name = prefix + property;
      return iterating.has(name)
        ? (...parameters: readonly unknown[]) => iterate(method, parameters, due(name))
        : (...parameters: readonly unknown[]) => settle(method, parameters, due(name), due);
    },
  });
}

async function settle(
  method: Method,
  parameters: readonly unknown[],
  faults: readonly Fault[],
  due: (method: string) => readonly Fault[],
): Promise<unknown> {
  await happen(faults, "before");
  const result = await method(...parameters);
  try {
    await happen(faults, "after");
  } catch (error) {
    // Nobody gets the writer, so nobody else can give it back.
    if (isWriter(result)) await (result as { abort(): Promise<void> }).abort();
    throw error;
  }
  return isWriter(result) ? wrap(result, "writer.", due) : result;
}

async function* iterate(
  method: Method,
  parameters: readonly unknown[],
  faults: readonly Fault[],
): AsyncGenerator<unknown, void, undefined> {
  await happen(faults, "before");
  yield* method(...parameters) as AsyncIterable<unknown>;
  await happen(faults, "after");
}

async function happen(faults: readonly Fault[], when: Fault["when"]): Promise<void> {
  for (const fault of faults) if (fault.when === when) await fault.act();
}

function isWriter(result: unknown): result is object {
  return typeof result === "object" && result !== null && "complete" in result && "abort" in result;
}
