import type { KeyValues } from '../key-values.ts';

/** Whether a name may come in. */
export type AllowList = (name: string) => boolean;

interface Rule {
  readonly matches: AllowList;
  readonly allows: boolean;
}

const POLICIES = { allow: true, deny: false };

/** QEMU's `authz-simple`: one name. */
export function parseSimpleAllow(keys: KeyValues): AllowList {
  const identity = keys.required('identity');
  return (name) => name === identity;
}

/** QEMU's `authz-list`: the first rule that matches decides, else the policy, which is to deny. */
export function parseAllowList(keys: KeyValues): AllowList {
  const otherwise = keys.oneOf('policy', POLICIES) ?? false;
  const numbers = new Set(keys.keys.flatMap((key) => /^rules\.(\d+)\./.exec(key)?.[1] ?? []));
  const rules = [...numbers].map(Number).toSorted((a, b) => a - b);
  const parsed = rules.map((number) => parseRule(keys, `rules.${number}`));
  return (name) => parsed.find(({ matches }) => matches(name))?.allows ?? otherwise;
}

function parseRule(keys: KeyValues, prefix: string): Rule {
  const match = keys.required(`${prefix}.match`);
  const allows = keys.oneOf(`${prefix}.policy`, POLICIES);
  if (allows === undefined) {
    throw keys.error(`'${prefix}.policy=' is missing`, 'use one of allow, deny');
  }
  const isGlob = keys.oneOf(`${prefix}.format`, { exact: false, glob: true }) ?? false;
  return { matches: isGlob ? globMatcher(match) : (name) => name === match, allows };
}

/** `*` for any text, `?` for any character; all else for itself. */
export function globMatcher(glob: string): AllowList {
  const source = glob.replaceAll(/[\\^$.*+?()[\]{}|/-]/gu, (special) => {
    if (special === '*') return '.*';
    return special === '?' ? '.' : `\\${special}`;
  });
  const pattern = new RegExp(`^${source}$`, 's');
  return (name) => pattern.test(name);
}
