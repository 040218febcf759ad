/**
 * The rule by which a bitmap in a sidecar is not trusted, for programs. Stable:
 *
 * - `kind`, `device`, `inode`, `birth`, `size`, `diskseq`, `boot`: it is not the same drive.
 * - `mtime`, `ctime`, `counter`, `fingerprint`: it was changed.
 * - `lease`, `clock`, `rollback`, `directory`, `table`: what a crash left cannot be vouched for.
 * - `facts`, `control`, `in-use`: there is nothing to judge by.
 * - `data-file`, `returned`: QEMU may have written it, and what else was written is not known.
 */
export type MismatchRule =
  | 'birth'
  | 'boot'
  | 'clock'
  | 'control'
  | 'counter'
  | 'ctime'
  | 'data-file'
  | 'device'
  | 'directory'
  | 'diskseq'
  | 'facts'
  | 'fingerprint'
  | 'in-use'
  | 'inode'
  | 'kind'
  | 'lease'
  | 'mtime'
  | 'returned'
  | 'rollback'
  | 'size'
  | 'table';

/** Why a bitmap is not trusted. */
export interface Mismatch {
  readonly rule: MismatchRule;
  /** A clause, for people. */
  readonly reason: string;
}

export const mismatch = (rule: MismatchRule, reason: string): Mismatch => ({ rule, reason });
