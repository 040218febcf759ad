import type { HostRange } from './ranges.ts';

/** An extension of the header, where it lies. */
export interface FoundExtension {
  readonly type: number;
  /** Offset of its head in the first cluster. Bytes. */
  readonly at: number;
  /** Of its data, without head and padding. Bytes. */
  readonly length: number;
}

/** A table of 8-byte entries in the image file. */
export interface TablePlace {
  readonly offset: number;
  readonly entries: number;
}

/** What a header says, as far as it can be believed. */
export interface Layout {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  /** Bytes. */
  readonly clusterSize: number;
  readonly refcountOrder: number;
  readonly refcountBits: number;
  readonly virtualSize: number;
  readonly hasExtendedL2: boolean;
  readonly hasDataFile: boolean;
  readonly incompatible: bigint;
  readonly autoclear: bigint;
  readonly headerLength: number;
  /** The first cluster, whole. */
  readonly cluster: Uint8Array<ArrayBuffer>;
  readonly extensions: readonly FoundExtension[];
  /** Where the extensions end: at the end marker, the backing name or the end of the cluster. */
  readonly extensionsEnd: number;
  /** Up to where extensions may reach. */
  readonly extensionsLimit: number;
  /** Where the list of extensions cannot be followed any further. */
  readonly brokenExtensionAt: number | undefined;
  /** Undefined: it cannot be where the header says. */
  readonly l1: TablePlace | undefined;
  /** Undefined: it cannot be where the header says. `entries` is at most what a table may have. */
  readonly refcountTable: TablePlace | undefined;
  readonly snapshots: { readonly offset: number; readonly count: number } | undefined;
  readonly luks: HostRange | undefined;
}
