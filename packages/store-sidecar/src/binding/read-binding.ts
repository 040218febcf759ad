import type { DriveFacts } from '@tidemark/block';
import { type DirectoryEntry, isTidemarkError } from '@tidemark/core';
import type { BitmapDirectory, FoundControl } from '@tidemark/qcow2';
import { findUnfinishedResize } from '../sidecar-size.ts';
import { type AcrossBoots, acrossBoots } from './across-boots.ts';
import type { BindingOptions } from './binding.ts';
import { canTellChanges, whyChanged } from './compare-facts.ts';
import { judge, type Verdict, whyNotAsLeft } from './judge.ts';
import { type Mismatch, mismatch } from './mismatch.ts';
import type { Notices } from './notices.ts';
import { knownControl } from './recording-session.ts';

/** A sidecar and its drive as they were found. */
export interface FoundBinding {
  /** As they can be trusted. */
  readonly entries: readonly DirectoryEntry[];
  /** Facts of a drive that is as its bitmaps know it. */
  readonly asLeft: DriveFacts | undefined;
  /** Any change of the drive can be told by its facts. */
  readonly isKnown: boolean;
}

/** Judges the bitmaps of a sidecar; those that were valid while they were in use are adopted. */
export async function readBinding(
  options: BindingOptions,
  notices: Notices,
): Promise<FoundBinding> {
  const { image, directory } = options;
  const drive = await foundFacts(options);
  const isKnown = drive !== undefined && canTellChanges(drive);
  const control = knownControl(options);
  const isUnbound = image.control === undefined || control?.isBound === false;
  if (isUnbound && drive !== undefined && directory.records.length > 0) notices.unbound();
  const boots = control && (await acrossBoots({ control, facts: drive, drive: options.drive }));
  if (boots !== undefined && 'isProven' in boots) notices.proven();
  const found = image.control && acrossRestart(image.control, { boots, drive });
  const sidecar = await options.sidecar.facts?.();
  const told = (why: Mismatch) => byContent(why, boots);
  const session = { ...options, sidecar, accepts: (why: Mismatch) => options.accepts(told(why)) };
  const evidence = { ...session, now: options.now() };
  const live = new Set(directory.namesAt(control?.liveEntries ?? []));
  const resized = found && asResized(options, found);
  const verdict = judge({ ...evidence, found: resized, drive, seal: directory.seal, live });
  const { records } = directory;
  const verdicts = new Map(
    records.map((record) => [record.name, adopt(directory, record, verdict)]),
  );
  notices.recovered(records.filter(({ name }) => isRecovered(verdicts.get(name)!)));
  const entries = directory.records.map((record) => {
    const found = verdicts.get(record.name)!;
    if ('reason' in found) return { ...record, inUse: true, ...told(found) };
    return found.recovered ? { ...record, recovered: true } : record;
  });
  return { entries, isKnown, asLeft: asLeft(found, drive, evidence) };
}

/** Of a block device, what was written and not counted yet has to be counted first. */
async function foundFacts({ drive }: BindingOptions): Promise<DriveFacts | undefined> {
  const facts = await drive.facts?.();
  if (facts?.kind !== 'block device') return facts;
  return drive.facts?.({ durable: true, settled: false });
}

interface Now {
  readonly boots: AcrossBoots | undefined;
  readonly drive: DriveFacts | undefined;
}

/** What the sidecar says, by the numbers that the drive has in this run of the system. */
function acrossRestart(found: FoundControl, { boots, drive }: Now): FoundControl {
  const isProven = boots !== undefined && 'isProven' in boots && drive !== undefined;
  if ('problem' in found || !isProven) return found;
  return withDrive(found, withSample(drive, found.control.drive));
}

/** The drive has come to be resized: nothing else about it has to be as it was. */
function asResized({ image, drive }: BindingOptions, found: FoundControl): FoundControl {
  const unfinished = findUnfinishedResize(image);
  if ('problem' in found || unfinished === undefined || unfinished.from === drive.size) {
    return found;
  }
  return withDrive(found, { ...found.control.drive, size: drive.size });
}

function withDrive(found: Exclude<FoundControl, { problem: string }>, drive: DriveFacts) {
  return { ...found, control: { ...found.control, drive } };
}

/** In place of the bare fact that the system was started anew. */
function byContent(why: Mismatch, boots: AcrossBoots | undefined): Mismatch {
  return why.rule === 'boot' && boots !== undefined && 'why' in boots ? boots.why : why;
}

function asLeft(
  found: FoundControl | undefined,
  drive: DriveFacts | undefined,
  evidence: Omit<Parameters<typeof whyNotAsLeft>[0], 'control' | 'isVouchedFor' | 'drive'>,
): DriveFacts | undefined {
  if (found === undefined || 'problem' in found || drive === undefined) return undefined;
  if (found.control.state === 'busy' || !found.control.isBound) return undefined;
  const then = found.control.drive;
  if (whyNotAsLeft({ ...evidence, ...found, drive }) !== undefined) return undefined;
  // What a user answers for may have changed.
  return whyChanged(then, drive) === undefined ? withSample(drive, then) : drive;
}

/** The content is the same, and so is a sample of it. */
function withSample(drive: DriveFacts, then: DriveFacts): DriveFacts {
  if (drive.kind !== 'block device' || then.kind !== 'block device') return drive;
  return then.fingerprint === undefined ? drive : { ...drive, fingerprint: then.fingerprint };
}

function adopt(
  directory: BitmapDirectory,
  record: DirectoryEntry,
  judged: (entry: DirectoryEntry) => Verdict,
): Verdict {
  const verdict = judged(record);
  if (!isRecovered(verdict)) return verdict;
  try {
    directory.adopt(record.name);
    return verdict;
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    return mismatch('table', error.message);
  }
}

function isRecovered(verdict: Verdict): boolean {
  return 'recovered' in verdict && verdict.recovered;
}
