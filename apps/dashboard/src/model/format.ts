const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** Three digits and a binary unit: 1536 is "1.50 KiB". Whole numbers stay whole: "64 KiB". */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '–';
  let unit = 0;
  let value = bytes;
  // 1023.5 would be told as "1024".
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${threeDigits(value)} ${UNITS[unit]!}`;
}

function threeDigits(value: number): string {
  if (Number.isInteger(value)) return String(value);
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** An offset with all of its digits where a unit would round it: "1.25 TiB", "4 GiB + 64 KiB". */
export function formatOffset(bytes: number): string {
  for (let unit = UNITS.length - 1; unit > 0; unit--) {
    const scale = 1024 ** unit;
    if (bytes < scale) continue;
    const whole = Math.floor(bytes / scale);
    const rest = bytes - whole * scale;
    const head = `${whole} ${UNITS[unit]!}`;
    return rest === 0 ? head : `${head} + ${formatBytes(rest)}`;
  }
  return `${bytes} B`;
}

export const formatRate = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`;

/** 1234567 is "1.23 M". */
export function formatCount(count: number): string {
  if (count < 1000) return String(Math.round(count));
  const units = ['k', 'M', 'G', 'T'];
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${threeDigits(value)} ${units[unit]!}`;
}

/** A share of a whole; never "0 %" of something, never "100 %" of less than all. */
export function formatShare(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return '0 %';
  if (part >= whole) return '100 %';
  const percent = (part / whole) * 100;
  if (percent < 0.1) return '< 0.1 %';
  if (percent > 99.9) return '> 99.9 %';
  // 99.6 would be told as "100".
  return `${percent < 10 ? percent.toFixed(1) : Math.min(99, Math.round(percent))} %`;
}

/** Whole seconds as "42 s", "3 min 20 s", "5 h 12 min", "3 d 4 h". */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(Math.floor(whole / 60), 'min', whole % 60, 's');
  const minutes = Math.floor(whole / 60);
  if (minutes < 24 * 60) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.floor(minutes / 60);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

/** "just now", "4 min ago": only the larger unit, for it is read at a glance. */
export function formatAgo(time: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - time) / 1000));
  if (seconds < 10) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;
