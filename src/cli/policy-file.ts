import { isRefusal } from "../errors.ts";
import { readPolicy } from "../ledger/witness-policy.ts";
import type { Policy } from "../merkle/policy.ts";
import { Failure } from "./failure.ts";

/** The witness policy that an option names. Throws `usage` for a file that holds none. */
export async function policyIn(file: string): Promise<Policy> {
  try {
    return await readPolicy(file);
  } catch (cause) {
    // Over the server it is a setting's; here nobody has settings to correct.
    if (!isRefusal(cause, "configuration_invalid")) throw cause;
    throw new Failure("usage", cause.message, { cause });
  }
}
