import type { Drive, Service, Warning } from '@tidemark/http/client';

export interface Notice {
  readonly severity: 'danger' | 'caution';
  readonly title: string;
  readonly text: string;
  readonly drive?: string;
  readonly bitmap?: string;
  readonly code?: string;
}

/** What makes the next backup a full one, or stops writes, is danger; what only costs time is not. */
const KNOWN: Readonly<Record<string, { severity: Notice['severity']; title: string }>> = {
  BITMAP_INCONSISTENT: { severity: 'danger', title: 'Inconsistent bitmap' },
  SIDECAR_MISMATCH: { severity: 'danger', title: 'Sidecar does not match its drive' },
  TRACKING_BLOCKED: { severity: 'danger', title: 'Writes wait: marks cannot be made durable' },
  BITMAP_IN_USE: { severity: 'caution', title: 'Bitmap in use' },
  RECOVERED_AFTER_CRASH: { severity: 'caution', title: 'Recovered after a crash' },
};

/** All that a person should know first, the worst on top. */
export function collectNotices(
  service: Service | undefined,
  drives: readonly Drive[],
  pointProblems: readonly string[],
): Notice[] {
  const notices: Notice[] = [
    ...(service?.problems ?? []).map((text) => caution('The service reports a problem', text)),
    ...drives.flatMap((drive) => drive.warnings.map((warning) => ofDrive(drive, warning))),
    ...pointProblems.map((text) => caution('Restore points cannot be read', text)),
  ];
  return notices.toSorted((one, other) => rank(one) - rank(other));
}

const rank = (notice: Notice): number => (notice.severity === 'danger' ? 0 : 1);

const caution = (title: string, text: string): Notice => ({ severity: 'caution', title, text });

/** A code of a later daemon is at least a caution. */
export const severityOf = (code: string): Notice['severity'] =>
  knownOf(code)?.severity ?? 'caution';

const knownOf = (code: string) => (Object.hasOwn(KNOWN, code) ? KNOWN[code] : undefined);

function ofDrive(drive: Drive, { code, text, bitmap }: Warning): Notice {
  const title = knownOf(code)?.title ?? code;
  return {
    severity: severityOf(code),
    title,
    text,
    code,
    drive: drive.name,
    ...(bitmap === undefined ? {} : { bitmap }),
  };
}
