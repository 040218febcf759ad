import type { Mutant } from './mutant.ts';

const model = (file: string) => `apps/dashboard/src/model/${file}`;

/** Each breaks one rule of what the dashboard tells of its data. */
export const DASHBOARD_MUTANTS: readonly Mutant[] = [
  {
    name: 'a bitmap that missed writes is told of as clean',
    file: model('describe-cell.ts'),
    find: '.filter(([name]) => !unknown.has(name))',
    replace: '',
    also: {
      find: '...[...unknown].map((name) => `${name}: not known`),',
      replace: '',
    },
  },
  {
    name: 'what was not looked at is not allocated',
    file: model('describe-cell.ts'),
    find: 'const known = heat.allocatedComplete || allocated > 0;',
    replace: 'const known = allocated >= 0;',
  },
  {
    name: 'a warning of a kind that is not known is left out',
    file: model('warnings.ts'),
    find: 'drive.warnings.map((warning) => ofDrive(drive, warning))',
    replace:
      'drive.warnings.filter(({ code }) => knownOf(code)).map((warning) => ofDrive(drive, warning))',
  },
  {
    name: 'the worst warning does not come first',
    file: model('warnings.ts'),
    find: 'rank(one) - rank(other)',
    replace: 'rank(other) - rank(one)',
  },
  {
    name: 'a new warning is not said aloud',
    file: model('changes.ts'),
    find: '.filter(({ code, text }) => !known.has(`${code} ${text}`))',
    replace: '.filter(({ code, text }) => known.has(`${code} ${text}`))',
  },
  {
    name: 'a share of nearly all is told as all',
    file: model('format.ts'),
    find: 'Math.min(99, Math.round(percent))',
    replace: 'Math.round(percent)',
  },
  {
    name: 'a little is told as nothing',
    file: model('format.ts'),
    find: "if (percent < 0.1) return '< 0.1 %';",
    replace: '',
  },
  {
    name: 'what an inconsistent bitmap says counts',
    file: model('sort-drives.ts'),
    find: 'one.inconsistent ? most : Math',
    replace: 'one.inconsistent && one.busy ? most : Math',
  },
];
