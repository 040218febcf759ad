import type { Snapshot } from '@tidemark/qcow2';
import { formatImgSize } from './format-size.ts';
import type { Json } from './json.ts';

/** The table of snapshots, as qemu-img prints it. */
export function snapshotTable(snapshots: readonly Snapshot[]): string {
  if (snapshots.length === 0) return '';
  const rows = [
    ['ID', 'TAG', 'VM SIZE', 'DATE', 'VM CLOCK', 'ICOUNT'],
    ...snapshots.map((snapshot) => [
      snapshot.id,
      snapshot.name,
      formatImgSize(Number(snapshot.stateSize)),
      date(snapshot.seconds),
      clock(snapshot.runTime),
      snapshot.instructions === undefined ? '' : String(snapshot.instructions),
    ]),
  ];
  return ['Snapshot list:', ...rows.map(row), ''].join('\n');
}

function row([id = '', tag = '', size = '', made = '', ran = '', count = '']: readonly string[]) {
  const start = `${id.padEnd(9)} ${tag.padEnd(16)} ${size.padStart(8)}`;
  return `${start}${made.padStart(20)}${ran.padStart(13)}${count.padStart(11)}`;
}

export function snapshotJson(snapshot: Snapshot): Json {
  return {
    icount: snapshot.instructions,
    'vm-clock-nsec': snapshot.runTime % 1_000_000_000n,
    name: snapshot.name,
    'date-sec': snapshot.seconds,
    'date-nsec': snapshot.nanoseconds,
    'vm-clock-sec': snapshot.runTime / 1_000_000_000n,
    id: snapshot.id,
    'vm-state-size': snapshot.stateSize,
  };
}

const two = (value: number) => String(value).padStart(2, '0');

function date(seconds: number): string {
  const at = new Date(seconds * 1000);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function clock(nanoseconds: bigint): string {
  const milliseconds = Number(nanoseconds / 1_000_000n);
  const seconds = Math.floor(milliseconds / 1000);
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${two(hours)}:${rest}.${String(milliseconds % 1000).padStart(3, '0')}`;
}
