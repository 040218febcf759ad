import type { Mutant } from './mutant.ts';

const tokens = 'packages/qcow2/src/bitmaps/checkpoints.ts';
const image = 'packages/store-qcow2/src/image-control.ts';
const chain = 'packages/backup/src/make/follow-chain.ts';
const plan = 'packages/backup/src/make/plan.ts';

/** Each breaks a rule by which a checkpoint in an image counts, or an image in use is known. */
export const TOKEN_MUTANTS: readonly Mutant[] = [
  {
    name: 'a token is trusted after a session of QEMU',
    file: tokens,
    find: 'const isKept = isSame && hasSize && (isVouchedFor || inUse);',
    replace: 'const isKept = isSame && hasSize;',
  },
  {
    name: 'a token is trusted beside another directory',
    file: tokens,
    find: 'const isKept = isSame && hasSize && (isVouchedFor || inUse);',
    replace: 'const isKept = hasSize && (isVouchedFor || inUse || !isSame);',
  },
  {
    name: 'a token is trusted when the disk has another size',
    file: tokens,
    find: 'const isKept = isSame && hasSize && (isVouchedFor || inUse);',
    replace: 'const isKept = isSame && (isVouchedFor || inUse);',
  },
  {
    name: 'the tokens that were given first are those that are kept',
    file: tokens,
    find: 'placeOf(a) - placeOf(b)',
    replace: 'placeOf(b) - placeOf(a)',
  },
  {
    name: 'the copy of a live image is trusted',
    file: image,
    find: 'if (why === undefined) return isShared ? entries : entries.map(asRecovered);',
    replace: 'return isShared ? entries : entries.map(asRecovered);',
  },
  {
    name: 'an image does not say that its bitmaps are live',
    file: image,
    find: "state: entries.some(({ live }) => live === true) ? 'busy' : 'idle',",
    replace: "state: 'idle',",
  },
];

/** Each breaks what a torn takeover by QEMU needs. */
export const TAKEOVER_MUTANTS: readonly Mutant[] = [
  {
    name: 'what lies behind the end of the header stays there (stale_bytes_after_end)',
    file: 'packages/qcow2/src/header/header-owner.ts',
    find: 'area.set(takeoverBytes(next), SECTOR_SIZE);',
    replace: '',
  },
  {
    name: 'the name of the backing file lies where QEMU would move it away (name_at_4096)',
    file: 'packages/qcow2/src/header/compose-header.ts',
    find: 'return clusterSize > FEATURE_NAMES_ABOVE ? offset + FEATURE_NAMES_SIZE : offset;',
    replace: 'return clusterSize > FEATURE_NAMES_ABOVE ? 4096 : offset;',
  },
];

/** Each lets an increment stand on the wrong restore point. */
export const PARENT_MUTANTS: readonly Mutant[] = [
  {
    name: 'the parent is the last restore point (parent_is_last_manifest)',
    file: plan,
    find: "if ('problem' in point || point.manifest.bitmap?.checkpoint !== checkpoint) continue;",
    replace: "if ('problem' in point || point.manifest.bitmap === null) continue;",
    also: {
      find: 'if (point.manifest.bitmap.name === name) return point;',
      replace: 'return point;',
    },
  },
  {
    name: 'a bitmap of a chain is followed whether or not it records',
    file: chain,
    find: "return state === 'stored' && enabled;",
    replace: "return state === 'stored' || enabled;",
  },
  {
    name: 'the oldest bitmap of a chain goes on under the name of the newest point',
    file: chain,
    find: "...all.map((old) => ({ op: 'remove', name: old.name }) as const),",
    replace: '',
  },
];
