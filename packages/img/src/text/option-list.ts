import { ImgFailure } from '../failure.ts';

/** A `-o` list: `name=value` with commas between, a comma in a value twice. */
export interface ListItem {
  readonly name: string;
  /** Absent: the name stood alone. */
  readonly value: string | undefined;
}

/** Adds what another `-o` says. @throws USAGE: it is none, or would run into its neighbour */
export function addToList(before: string | undefined, list: string): string {
  const trailing = /,*$/.exec(list)![0].length;
  if (list === '' || list.startsWith(',') || trailing % 2 === 1) {
    throw new ImgFailure(`Invalid option list: ${list}`);
  }
  return before === undefined ? list : `${before},${list}`;
}

/** A name ends at the first comma, a value at the first that is not twice there. */
export function parseList(list: string): readonly ListItem[] {
  const items: ListItem[] = [];
  const item = /([^=,]*)(?:=((?:[^,]|,,)*))?(?:,|$)/y;
  while (item.lastIndex < list.length) {
    const [, name = '', value] = item.exec(list)!;
    items.push({ name, value: value?.replaceAll(',,', ',') });
  }
  return items;
}

export function wantsHelp(list: string): boolean {
  return parseList(list).some(
    ({ name, value }) => value === undefined && (name === 'help' || name === '?'),
  );
}
