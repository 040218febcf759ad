import {
  applyRepair,
  checkImage,
  type CheckOptions,
  type Finding,
  type ImageCheck,
  planRepair,
} from '@tidemark/doctor';
import { isTidemarkError } from '@tidemark/core';
import { hintLine, ImgFailure, PROGRAM } from '../failure.ts';
import { type Image, openImage, type OpenImageOptions } from '../open/open-image.ts';
import { findingLine, RepairLines } from '../text/finding-lines.ts';
import { foundClean } from './check-unlocked.ts';

export interface CheckImgOptions {
  readonly format?: string | undefined;
  /** What is set right: only leaks, or all. Default: nothing. */
  readonly repair?: 'leaks' | 'all' | undefined;
  readonly share?: boolean;
  /** How the name is to be taken. */
  readonly naming?: Partial<OpenImageOptions>;
  /** Gets lines, for standard error: what is wrong, and what of it is being set right. */
  readonly print: (text: string) => void;
}

export interface CheckedImg {
  readonly path: string;
  /** As the image is now. */
  readonly check: ImageCheck;
  /** What a repair has set right. */
  readonly fixed?: { readonly leaks: number; readonly corruptions: number };
}

/** The format of the image knows no checks. */
const EXIT_NO_CHECK = 63;

/** Counts the references of a qcow2 image. @throws USAGE and others, worded as qemu-img does */
export async function checkImg(name: string, options: CheckImgOptions): Promise<CheckedImg> {
  return (await checkedUnlocked(name, options)) ?? checkLocked(name, options);
}

/** What is wrong, and what cannot be opened, is for the check of a locked image to say. */
async function checkedUnlocked(
  name: string,
  { naming, format, repair, share = false, print }: CheckImgOptions,
): Promise<CheckedImg | undefined> {
  if (repair !== undefined || share) return undefined;
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  const opening: OpenImageOptions = { ...naming, format, warn, isRepair: true, lock: 'look' };
  const image = await openImage(name, opening).catch(() => undefined);
  if (image === undefined) return undefined;
  const { path, file, dataFile, qcow2 } = image;
  try {
    if (qcow2 === undefined) return undefined;
    const check = await foundClean(file, (onFinding) =>
      checkImage(file, { onFinding, ...(dataFile && { dataFile }) }),
    );
    if (check === undefined) return undefined;
    warnings.forEach(print);
    return { path, check };
  } finally {
    await image.disk.close();
  }
}

async function checkLocked(name: string, options: CheckImgOptions): Promise<CheckedImg> {
  const { format, repair, share = false, print } = options;
  const opening: OpenImageOptions = {
    ...options.naming,
    format,
    share,
    warn: print,
    writable: repair !== undefined,
  };
  const image = await openImage(name, { ...opening, isRepair: true }).catch((error: unknown) => {
    throw withOtherWay(error);
  });
  try {
    if (image.qcow2 === undefined) {
      throw new ImgFailure('This image format does not support checks', {
        exitCode: EXIT_NO_CHECK,
      });
    }
    const dataFile = image.dataFile && { dataFile: image.dataFile };
    if (repair !== undefined) return await repaired(image, repair, { print, ...dataFile });
    const onFinding = (finding: Finding) => print(findingLine(finding));
    return { path: image.path, check: await checkImage(image.file, { onFinding, ...dataFile }) };
  } finally {
    await image.disk.close();
  }
}

/** What neither qemu-img nor we can open, the doctor can look at all the same. */
function withOtherWay(error: unknown): unknown {
  if (!isTidemarkError(error, 'IMAGE_CORRUPT') && !isTidemarkError(error, 'IMAGE_UNSUPPORTED')) {
    return error;
  }
  const { message, code } = error;
  const before = error instanceof ImgFailure ? error.after : '';
  const after = `${before}${hintLine("try 'tidemark image check', and 'tidemark image repair'")}`;
  return new ImgFailure(message, { code, after, cause: error });
}

async function repaired(
  image: Image,
  mode: 'leaks' | 'all',
  { print, ...options }: Pick<CheckImgOptions, 'print'> & Pick<CheckOptions, 'dataFile'>,
): Promise<CheckedImg> {
  const lines = new RepairLines(print, mode);
  const plan = await planRepair(image.file, { ...options, mode, onFinding: lines.found }).catch(
    (error: unknown) => {
      if (!isTidemarkError(error, 'IMAGE_CORRUPT')) throw error;
      print(`${PROGRAM}: ${error.message}\n${hintLine(error.context.hint ?? '')}`);
    },
  );
  // The image stays as it is, and what is wrong with it can be told.
  if (plan === undefined) return { path: image.path, check: await checkImage(image.file, options) };
  const { after, fixed, actions } = plan;
  lines.repairing(actions.some(({ action }) => action === 'rebuild-refcounts'));
  for (const line of plan.flagLines) print(`Repairing ${line}\n`);
  for (const finding of after.findings) {
    if (finding.kind === 'copied-flag') print(findingLine(finding));
  }
  await applyRepair(image.file, plan, { undo: undefined });
  // The image is checked once more when something was set right.
  if (fixed.leaks + fixed.corruptions > 0) lines.left(after.findings);
  return { path: image.path, check: after, fixed };
}
