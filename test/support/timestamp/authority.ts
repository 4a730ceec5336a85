import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A time-stamping authority in a folder: OpenSSL's own, with certificates made for the run. */
export type Authority = {
  /** PEM of the certificate that its stamps lead to. */
  readonly certificates: string;
  /** The answer, DER of a TimeStampResp, to the DER of a request. `config` changes lines of the authority's configuration. */
  readonly answer: (request: Buffer, config?: Readonly<Record<string, string>>) => Buffer;
  /** What OpenSSL says of an answer about a text, under the certificate. */
  readonly accepts: (response: Buffer, text: string) => boolean;
  readonly remove: () => void;
};

export type AuthorityOptions = {
  /** OpenSSL's words for the extended key usage of the stamping certificate. */
  readonly usage?: string;
  /** Days from now in which the stamping certificate began and ends. */
  readonly validity?: readonly [from: string, until: string];
};

/** Null where OpenSSL is installed with its time-stamping. */
export function whyNoOpenssl(): string | null {
  const { error, status } = spawnSync("openssl", ["ts", "-help"], { stdio: "ignore" });
  return error === undefined && status === 0 ? null : "OpenSSL with `openssl ts` is not installed";
}

/** Makes a root, a stamping certificate under it, and a configuration. */
export function makeAuthority({
  usage = "critical,timeStamping",
  validity = ["20200101000000Z", "21200101000000Z"],
}: AuthorityOptions = {}): Authority {
  const folder = mkdtempSync(join(tmpdir(), "weightvault-tsa-"));
  const at = (name: string) => join(folder, name);
  const openssl = (...args: readonly string[]) => {
    const { status, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  writeFileSync(at("ca.cnf"), caConfig(usage));
  writeFileSync(at("index.txt"), "");
  writeFileSync(at("ca.serial"), "01\n");
  openssl(
    "req",
    "-x509",
    ...key,
    "-subj",
    "/CN=root",
    "-days",
    "40000",
    "-keyout",
    "root.key",
    "-out",
    "root.pem",
  );
  openssl("req", ...key, "-subj", "/CN=stamper", "-keyout", "tsa.key", "-out", "tsa.csr");
  const [from, until] = validity;
  const dates = ["-startdate", from, "-enddate", until];
  openssl(
    "ca",
    "-batch",
    "-config",
    "ca.cnf",
    "-in",
    "tsa.csr",
    "-out",
    "tsa.pem",
    "-notext",
    ...dates,
  );
  return {
    certificates: readFileSync(at("root.pem"), "utf8"),
    answer: (request, config = {}) => {
      writeFileSync(at("request.tsq"), request);
      writeFileSync(at("serial"), "01\n");
      writeFileSync(at("tsa.cnf"), stampConfig(config));
      openssl(
        "ts",
        "-reply",
        "-config",
        "tsa.cnf",
        "-queryfile",
        "request.tsq",
        "-out",
        "answer.tsr",
      );
      return readFileSync(at("answer.tsr"));
    },
    accepts: (response, text) => {
      writeFileSync(at("shown.tsr"), response);
      writeFileSync(at("shown.txt"), text);
      const args = [
        "ts",
        "-verify",
        "-in",
        "shown.tsr",
        "-data",
        "shown.txt",
        "-CAfile",
        "root.pem",
      ];
      return spawnSync("openssl", args, { cwd: folder, stdio: "ignore" }).status === 0;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function caConfig(usage: string): string {
  return `[ca]
default_ca = here
[here]
database = index.txt
serial = ca.serial
new_certs_dir = .
certificate = root.pem
private_key = root.key
default_md = sha256
policy = any
x509_extensions = stamper
[any]
commonName = supplied
[stamper]
extendedKeyUsage = ${usage}
`;
}

function stampConfig(changed: Readonly<Record<string, string>>): string {
  const lines = {
    serial: "serial",
    crypto_device: "builtin",
    signer_cert: "tsa.pem",
    signer_key: "tsa.key",
    certs: "root.pem",
    signer_digest: "sha256",
    default_policy: "1.2.3.4.1",
    digests: "sha256, sha384",
    ess_cert_id_alg: "sha256",
    ...changed,
  };
  const text = Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`);
  return `[tsa]\ndefault_tsa = here\n[here]\n${text.join("")}`;
}
