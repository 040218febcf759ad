import type { SidecarKind } from '@tidemark/drive';

/** How people are told of the two kinds. */
export const KIND_TEXTS: Readonly<Record<SidecarKind, string>> = {
  plain: 'for bitmaps alone',
  'data-file': 'for QEMU to run on',
};

export const kindValues = ['plain', 'data-file'] as const;
