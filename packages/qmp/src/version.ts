/** What the greeting and query-version tell. */
export interface QmpVersion {
  /** The version of QEMU whose QMP this is. */
  readonly qemu: { readonly micro: number; readonly minor: number; readonly major: number };
  /** Who is really there, and in which version. */
  readonly package: string;
}

/**
 * Clients choose commands by QEMU's version, so that one is told: 7.2, whose answers these are.
 * `product` tells the rest, for example `tidemark 0.1.0`.
 */
export function qmpVersion(product: string): QmpVersion {
  return { qemu: { micro: 0, minor: 2, major: 7 }, package: product };
}
