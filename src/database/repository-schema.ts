/** The tables of repositories, their policies and their revisions. */
export type RepositorySchema = {
  repository: {
    id: string;
    namespace: string;
    name: string;
    head: string | null;
    created_by: string;
    created_at: Date;
  };
  repository_policy: {
    repository: string;
    version: number;
    require_proved: boolean;
    set_by: string;
    set_at: Date;
    submission: bigint;
  };
  revision: {
    repository: string;
    id: string;
    parent: string | null;
    manifest: Buffer;
    created_by: string;
    created_at: Date;
    submission: bigint;
  };
  revision_file: {
    repository: string;
    revision: string;
    path: string;
    object: string;
    size_bytes: bigint;
    sha256: Buffer;
  };
  model_signature: {
    repository: string;
    revision: string;
    digest: Buffer;
    bundle: Buffer;
    attached_by: string;
    attached_at: Date;
    submission: bigint;
  };
};
