import type { Generated } from "kysely";

/** The tables of sealed objects and of the uploads that bring them. */
export type ObjectSchema = {
  upload: {
    id: string;
    repository: string;
    principal: string;
    state: "open" | "committed" | "aborted" | "expired";
    revision: string | null;
    created_at: Date;
    expires_at: Date;
  };
  object: {
    id: string;
    repository: string;
    upload: string;
    state: "opening" | "sealed" | "removing" | "removed";
    /** Null as soon as the object is shredded. */
    wrapped_key: Buffer | null;
    custodian_key: string;
    header: Buffer;
    size_bytes: bigint | null;
    object_bytes: bigint | null;
    sha256: Buffer | null;
    lease_until: Date;
    created_at: Date;
    sealed_at: Date | null;
    /** The proposal under which two officers shredded it. */
    shredding: Generated<string | null>;
  };
  upload_file: { upload: string; path: string; object: string };
  parted_object: {
    object: string;
    path: string;
    size_bytes: bigint;
    sha256: Buffer;
    session: string | null;
    assembled_at: Date | null;
    completing_until: Date | null;
    proved_bytes: Generated<bigint>;
    failure: string | null;
    /** Set where the digest is the client's word. */
    declared_at: Date | null;
    read_at: Date | null;
  };
  direct_part: {
    object: string;
    part: number;
    size_bytes: bigint;
    sha256: Buffer;
    sealed_bytes: bigint;
    sealed_sha256: Buffer;
    located_at: Date;
  };
  object_part: {
    object: string;
    part: number;
    size_bytes: bigint;
    sha256: Buffer;
    sealed_bytes: bigint;
    tag: string;
    received_at: Date;
  };
};
