import { randomBytes } from "node:crypto";
import { type Attribute, answerOf, type Cryptoki, ck, type Handle, isAnswer } from "./cryptoki.ts";
import { p256Parameters } from "./p256.ts";
import { type SigningPair, signingKey, wrappingKey } from "./pkcs11-keys.ts";
import { findObjects, type Pkcs11Token, TokenFault } from "./pkcs11-token.ts";
import type { SignatureAlgorithm } from "./signer.ts";

/** Null for a key that the token is not to have. */
export type KeyLabels = {
  readonly wrapping: string | null;
  readonly signing: string | null;
  /** Of the signing pair; left out, Ed25519. */
  readonly algorithm?: SignatureAlgorithm;
};
export type MadeKey = { readonly label: string; readonly was: "made" | "there" };

/** What the vault needs of a token, or of whoever makes keys on it, and whether it is there. */
export type Fitness = {
  readonly need: string;
  readonly isMet: boolean;
  /** Whether the vault cannot serve without it; otherwise keys have to come onto the token in another way. */
  readonly isVital: boolean;
};

const { attribute, class: kind, keyType, mechanism } = ck;

/** Ed25519 as CKA_EC_PARAMS: by its identifier (RFC 8410), and by its name, which PKCS #11 3.0 has too and some tokens alone know. */
const edwards25519 = {
  identifier: Buffer.from("06032b6570", "hex"),
  name: Buffer.concat([Buffer.from([0x13, 12]), Buffer.from("edwards25519")]),
};

/** What signing takes of a token. */
const signings = {
  ed25519: {
    type: keyType.edwards,
    mechanism: mechanism.eddsa,
    name: "CKM_EDDSA",
    pairGen: mechanism.edwardsPairGen,
    pairGenName: "CKM_EC_EDWARDS_KEY_PAIR_GEN",
  },
  "ecdsa-p256": {
    type: keyType.ec,
    mechanism: mechanism.ecdsa,
    name: "CKM_ECDSA",
    pairGen: mechanism.ecPairGen,
    pairGenName: "CKM_EC_KEY_PAIR_GEN",
  },
} as const satisfies Record<SignatureAlgorithm, unknown>;

/**
 * Makes the AES-256 key and the signing pair that the token does not have under these labels yet: on the token, private, sensitive, never
 * to be extracted or changed. What is there is left as it is.
 */
export async function makeKeys(token: Pkcs11Token, labels: KeyLabels): Promise<readonly MadeKey[]> {
  return await token.use(async ({ cryptoki, handle }) => {
    const { wrapping, signing, algorithm = "ed25519" } = labels;
    const made: MadeKey[] = [];
    if (wrapping !== null) {
      const template = wrappingKey(wrapping);
      const generate = () => makeWrappingKey(cryptoki, handle, wrapping);
      made.push(make(cryptoki, handle, { label: wrapping, template, generate }));
    }
    if (signing !== null) {
      const pair = { label: signing, algorithm };
      const template = signingKey("privateKey", pair);
      const generate = () => makePair(cryptoki, handle, pair);
      made.push(make(cryptoki, handle, { label: signing, template, generate }));
    }
    return made;
  });
}

/** What the token can and cannot do for the vault, with signatures of that algorithm, told without logging in. */
export function fitnessOf(
  cryptoki: Cryptoki,
  token: Pkcs11Token,
  algorithm: SignatureAlgorithm = "ed25519",
): readonly Fitness[] {
  const { slot, info } = token.locate();
  const signing = signings[algorithm];
  const can = (type: number, flags: number, bits = 0) => {
    if (!cryptoki.C_GetMechanismList(slot).includes(type)) return false;
    const { flags: has, maxKeySize } = cryptoki.C_GetMechanismInfo(slot, type);
    // Sizes are bytes with some tokens and bits with others.
    return (has & flags) === flags && (bits === 0 || maxKeySize >= bits / 8);
  };
  const { encrypt, decrypt, rng } = ck.flag;
  const vital: readonly (readonly [string, boolean])[] = [
    [
      "CKM_AES_GCM with 256-bit keys, to wrap and unwrap data keys",
      can(mechanism.aesGcm, encrypt | decrypt, 256),
    ],
    [`${signing.name}, to sign checkpoints`, can(signing.mechanism, ck.signFlag)],
    ["a random generator, for data keys and IVs", (info.flags & rng) !== 0],
  ];
  const forInit: readonly (readonly [string, boolean])[] = [
    [
      "CKM_AES_KEY_GEN, with which `custody init` makes the wrapping key",
      can(mechanism.aesKeyGen, ck.generateFlag),
    ],
    [
      `${signing.pairGenName}, with which \`custody init\` makes the signing key`,
      can(signing.pairGen, ck.generatePairFlag),
    ],
  ];
  return [
    ...vital.map(([need, isMet]) => ({ need, isMet, isVital: true })),
    ...forInit.map(([need, isMet]) => ({ need, isMet, isVital: false })),
  ];
}

function make(
  cryptoki: Cryptoki,
  session: Handle,
  {
    label,
    template,
    generate,
  }: {
    readonly label: string;
    readonly template: readonly Attribute[];
    readonly generate: () => void;
  },
): MadeKey {
  if (findObjects(cryptoki, session, template).length > 0) return { label, was: "there" };
  try {
    generate();
  } catch (cause) {
    throw new TokenFault(false, `the token does not make ${label} (${answerOf(cause)})`, cause);
  }
  return { label, was: "made" };
}

/** What every half that must not leave has. */
function kept(label: string, id: Buffer): readonly Attribute[] {
  return [
    { type: attribute.token, value: true },
    { type: attribute.private, value: true },
    { type: attribute.sensitive, value: true },
    { type: attribute.extractable, value: false },
    { type: attribute.modifiable, value: false },
    { type: attribute.label, value: label },
    { type: attribute.id, value: id },
  ];
}

function makeWrappingKey(cryptoki: Cryptoki, session: Handle, label: string): void {
  cryptoki.C_GenerateKey(session, { mechanism: mechanism.aesKeyGen, parameter: null }, [
    { type: attribute.class, value: kind.secretKey },
    { type: attribute.keyType, value: keyType.aes },
    { type: attribute.valueLength, value: 32 },
    { type: attribute.encrypt, value: true },
    { type: attribute.decrypt, value: true },
    { type: attribute.wrap, value: false },
    { type: attribute.unwrap, value: false },
    ...kept(label, randomBytes(16)),
  ]);
}

function makePair(cryptoki: Cryptoki, session: Handle, { label, algorithm }: SigningPair): void {
  const id = randomBytes(16);
  const { pairGen, type } = signings[algorithm];
  const generate = (ecParameters: Buffer) =>
    cryptoki.C_GenerateKeyPair(
      session,
      { mechanism: pairGen, parameter: null },
      [
        { type: attribute.class, value: kind.publicKey },
        { type: attribute.keyType, value: type },
        { type: attribute.ecParameters, value: ecParameters },
        { type: attribute.token, value: true },
        { type: attribute.verify, value: true },
        { type: attribute.label, value: label },
        { type: attribute.id, value: id },
      ],
      [
        { type: attribute.class, value: kind.privateKey },
        { type: attribute.keyType, value: type },
        { type: attribute.sign, value: true },
        ...kept(label, id),
      ],
    );
  if (algorithm === "ecdsa-p256") return void generate(p256Parameters);
  try {
    generate(edwards25519.identifier);
  } catch (error) {
    // A token that is gone, or knows no Edwards curve at all, says so again.
    if (isAnswer(error, "CKR_MECHANISM_INVALID")) throw error;
    generate(edwards25519.name);
  }
}
